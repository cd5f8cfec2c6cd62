package slack

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/schemas"
)

// verdict is what an attempt to post came to.
type verdict struct {
	status    schemas.OutcomeStatus // final, with a reason; empty: not decided
	reason    schemas.Reason
	code      string        // Slack's error code, for the outcome's detail
	pause     time.Duration // the whole method of this workspace has to wait so long
	ambiguous bool          // may have been posted
	suspend   bool          // Slack refuses the installation: the workspace waits for another one
	gone      bool          // the earlier message of the thread, or the channel it is in, is no more
	away      string        // Slack, or the way to it, is of no use to anybody now: what is told of that
}

// workspacePause is how long a workspace is left alone that says 'not now' without a Retry-After.
const workspacePause = 2 * time.Second

// silencePause is how long a workspace is left alone whose calls get no answer: each of them holds up a batch until its timeout.
const silencePause = 30 * time.Second

// codeNoChannel is what Slack says of a DM that it has replaced by another, too.
const codeNoChannel = "channel_not_found"

// codeConnection stands for no answer at all.
const codeConnection = "connection"

// answers begins what is told of trouble that is Slack's own.
const answers = "Slack's Web API answers "

// codes follow chat.postMessage's and conversations.open's documented errors (docs.slack.dev/reference/methods).
var codes = verdicts()

func verdicts() map[string]verdict {
	codes := map[string]verdict{}
	for reason, list := range map[schemas.Reason][]string{
		schemas.AccountInactive: {"user_disabled"}, // Slack's account_inactive is the token's own account
		schemas.RecipientRefused: {
			"user_not_found", "users_not_found", "user_not_visible", "channel_not_found", "is_archived", "not_in_channel",
			"restricted_action", "restricted_action_read_only_channel", "restricted_action_thread_only_channel",
			"restricted_action_non_threadable_channel", "restricted_action_thread_locked", "messages_tab_disabled",
			"cannot_dm_bot", "cannot_dm_user", "invalid_user_combination", "slack_connect_canvas_sharing_blocked",
		},
		schemas.ContentRefused: {
			"msg_too_long", "msg_blocks_too_long", "invalid_blocks", "invalid_blocks_format", "no_text", "too_many_attachments",
			"metadata_too_large", "metadata_must_be_sent_from_app", "invalid_metadata_format", "invalid_metadata_schema",
			"invalid_arguments", "invalid_arg_name", "markdown_text_conflict", "attachment_payload_limit_exceeded",
		},
	} {
		for _, code := range list {
			codes[code] = verdict{status: schemas.Failed, reason: reason, code: code, gone: code == codeNoChannel}
		}
	}
	// A token that has expired is renewed by the keeper of the installations, one that was revoked is recorded as such: either
	// changes the record.
	for _, code := range []string{
		"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "missing_scope", "team_access_not_granted",
		"org_login_required", "accesslimited", "ekm_access_denied", "no_permission", "not_allowed_token_type",
	} {
		codes[code] = verdict{suspend: true, code: code}
	}
	for _, code := range []string{"message_not_found", "thread_not_found", "cant_update_message", "edit_window_closed", "cannot_reply_to_message", "invalid_thread_ts"} {
		codes[code] = verdict{status: schemas.Failed, reason: schemas.RecipientRefused, code: code, gone: true}
	}
	for _, code := range []string{"ratelimited", "rate_limited", "message_limit_exceeded", "team_added_to_org", "rate_limit_exceeded"} {
		codes[code] = verdict{pause: workspacePause, code: code}
	}
	codes["service_unavailable"] = verdict{pause: workspacePause, code: "service_unavailable", away: answers + "service_unavailable"}
	for _, code := range []string{"internal_error", "fatal_error", "request_timeout"} {
		codes[code] = verdict{ambiguous: true, code: code, away: answers + code}
	}
	return codes
}

// judge reads an error of chat.postMessage. A code that Slack added since is taken as final: a message that Slack
// refuses for an unknown reason would be refused again.
func judge(err error) verdict {
	if limited, ok := errors.AsType[*slack.RateLimitedError](err); ok {
		return verdict{pause: max(limited.RetryAfter, time.Second), code: "ratelimited"}
	}
	if status, ok := errors.AsType[slack.StatusCodeError](err); ok {
		refused := status.Code < http.StatusInternalServerError || status.Code == http.StatusServiceUnavailable
		return verdict{ambiguous: !refused, code: "http_error", away: fmt.Sprintf(answers+"HTTP status %d", status.Code)}
	}
	if answer, ok := errors.AsType[slack.SlackErrorResponse](err); ok {
		if v, known := codes[answer.Err]; known {
			return v
		}
		return verdict{status: schemas.Failed, reason: schemas.RecipientRefused, code: answer.Err}
	}
	v := verdict{ambiguous: !neverSent(err), code: codeConnection, away: "Slack's Web API does not answer"}
	if lost, ok := errors.AsType[net.Error](err); ok && lost.Timeout() {
		v.pause = silencePause
	}
	return v
}

// neverSent recognises failures before the request left: then nothing was posted.
func neverSent(err error) bool {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return true
	}
	if dial, ok := errors.AsType[*net.OpError](err); ok {
		return dial.Op == "dial"
	}
	_, isDNS := errors.AsType[*net.DNSError](err)
	_, isTLS := errors.AsType[*tls.CertificateVerificationError](err)
	return isDNS || isTLS
}
