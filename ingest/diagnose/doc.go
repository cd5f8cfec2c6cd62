// Package diagnose goes through the two troubleshooting lists of the product page, 'What to check if notifications are not arriving' and
// 'What to check if channel sync is not working': for a person, and for a channel. Each check passes or fails with the fact behind it, and
// says what to do and which button does it. The console, the API and 'backchannel doctor' show the same.
//
// What is known comes from the Redis views and coordination alone; Slack is not asked. What would be decided about a notification is not
// decided here: processors/route is asked, through Verdicts, so that there is one answer.
package diagnose
