// Package install connects a workspace: Slack's OAuth v2 (docs.slack.dev/authentication/installing-with-oauth) in the two
// steps of the product page. The first asks for what notifications need, and an admin or owner starts it. The second adds
// what channel sync needs, and only an owner starts it.
//
// Each flow has a state: single use, ten minutes, bound to the browser that began it (a cookie) and to the organization and
// person who did. What Slack grants in the end may be less than was asked, in another workspace than was meant, or in one
// that belongs to another organization: the callback says so plainly, and records only what may be. The token is sealed
// before it leaves the process.
//
// A workspace of an Enterprise Grid organization is installed like any other, one at a time. An org-wide grant (team null,
// is_enterprise_install) is refused with a page that says so, and nothing is recorded: its one token would speak for workspaces that
// belong to nobody here.
package install
