package slack

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks/content"
)

// renderSetup is what the prompt of a channel says now, with the button that opens the modal; and the text for notifications and screen
// readers.
func renderSetup(d *schemas.Delivery, v *setup) (blocks []slack.Block, text string) {
	channel := "<#" + string(d.Setup.ChannelID) + ">"
	label, style := "Choose an account", slack.StylePrimary
	var small string
	switch a := v.linked(); {
	case a != nil:
		label, style = "Change", slack.StyleDefault
		text, small = linked(channel, a, v), linkedBy(a, v)
	case v.association.known:
		text = channel + " is no longer linked to an account. Its messages are not synced."
	case d.Setup.InChannel:
		text = "Bigmind was added to this channel. *Which account is it about?* Link it, and optionally a deal, and its messages become customer context there. Until then they are not synced."
	default:
		text = "You added Bigmind to " + channel + ". *Which account is it about?* Link it, and optionally a deal, and its messages become customer context there. Until then they are not synced."
	}
	blocks = append(blocks, slack.NewSectionBlock(mrkdwn(text), nil, nil))
	if small != "" {
		blocks = append(blocks, slack.NewContextBlock("", mrkdwn(small)))
	}
	button := slack.NewButtonBlockElement(schemas.SetupAction, string(d.Setup.ChannelID), slack.NewTextBlockObject(slack.PlainTextType, label, false, false)).WithStyle(style)
	return append(blocks, slack.NewActionBlock(schemas.SetupBlock, button)), text
}

// linked says to what. An account that is gone is named by its id.
func linked(channel string, a *schemas.ChannelAssociation, v *setup) string {
	account, gone := "", ""
	if acc := v.account.value; acc != nil {
		account = acc.Name
	} else {
		gone = ", an account that is no longer in Bigmind"
	}
	text := fmt.Sprintf("%s is linked to *%s*%s", channel, shownName(cmp.Or(account, string(a.AccountID))), gone)
	if a.DealID == "" {
		return text + "."
	}
	deal := ""
	if v.deal.value != nil {
		deal = v.deal.value.Name
	}
	return fmt.Sprintf("%s, deal *%s*.", text, shownName(cmp.Or(deal, string(a.DealID))))
}

// linkedBy says by whom, when it is somebody with a name, and when.
func linkedBy(a *schemas.ChannelAssociation, v *setup) string {
	var parts []string
	switch {
	case v.byUser.value != nil && v.byUser.value.Name != "":
		parts = append(parts, "by "+shownName(v.byUser.value.Name))
	case v.bySlackUser.value != nil:
		parts = append(parts, "by <@"+a.By+">")
	}
	if !a.UpdatedAt.IsZero() {
		parts = append(parts, fmt.Sprintf("on <!date^%d^{date_long}|%s>", a.UpdatedAt.Unix(), a.UpdatedAt.UTC().Format("2 January 2006")))
	}
	if len(parts) == 0 {
		return ""
	}
	return "Linked " + strings.Join(parts, " ")
}

// maxName keeps a prompt readable, and below the 3,000 characters of a section, whatever a CRM calls things.
const maxName = 150

// shownName is a name from elsewhere within bold text: no control characters of Slack's, no pings, and no asterisk that would end the bold.
func shownName(s string) string {
	return escape(content.Cut(strings.ReplaceAll(content.Line(s), "*", "∗"), maxName))
}
