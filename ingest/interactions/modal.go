package interactions

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/ingest/search"
	"github.com/bigmind/backchannel/schemas"
)

// Names within the modal.
const (
	callbackID    = "setup_channel"
	accountBlock  = "account"
	accountAction = "account"
	dealBlocks    = "deal:" // and a digest of the account: with another account the choice of before is gone
	dealAction    = "deal"
	unlinkBlock   = "unlink"
	unlinkAction  = "unlink"
)

// Slack's limits (docs.slack.dev/reference/block-kit/composition-objects/option-object, .../views/modal-views).
const (
	maxOptionText  = 75
	maxOptionValue = 150
	maxSection     = 3000
)

// metadata is what the modal carries along. It is never trusted: what it names is looked up again.
type metadata struct {
	Channel schemas.ChannelID `json:"channel"`
	// Account is whose deals are offered.
	Account schemas.AccountID `json:"account,omitempty"`
	// Seen is a digest of the association that the modal was made with.
	Seen string `json:"seen,omitempty"`
	// Name, Domains and Companies only order what is offered.
	Name      string   `json:"name,omitempty"`
	Domains   []string `json:"domains,omitempty"`
	Companies []string `json:"companies,omitempty"`
}

func (v *view) metadata() (m metadata) {
	_ = json.Unmarshal([]byte(v.Metadata), &m) // nothing of it: no channel, which is refused
	return m
}

// carry takes the hints of the modal that is open.
func (s *scene) carry(m metadata) {
	s.domains, s.companies = m.Domains[:min(len(m.Domains), maxHints)], m.Companies[:min(len(m.Companies), maxHints)]
	if s.channel.Name == "" {
		s.channel.Name = m.Name
	}
}

// setup is the modal for a scene that may be set up: with its account and deal, and a note above if there is something to say.
func (i *Interactions) setup(ctx context.Context, s *scene, note string) (slack.ModalViewRequest, error) {
	m := metadata{Channel: s.channel.ChannelID, Seen: seen(s.link), Name: clip(s.channel.Name, 80), Domains: s.domains, Companies: s.companies}
	var blocks []slack.Block
	if note != "" {
		blocks = append(blocks, section(note))
	}
	blocks = append(blocks, section("Messages of "+s.channelName()+", those of its past too, become context of the account that you choose. You can change it at any time."))
	if s.link != nil {
		blocks = append(blocks, section(s.linked()))
	}
	var chosen *slack.OptionBlockObject
	if s.account != nil && len(s.account.AccountID) <= maxOptionValue {
		chosen, m.Account = accountOption(s.account), s.account.AccountID
	}
	account := external(accountAction, "Search by name or domain", chosen)
	input := slack.NewInputBlock(accountBlock, plain("Account"), nil, account).WithDispatchAction(true)
	blocks = append(blocks, input)
	if m.Account != "" {
		deals, err := search.Deals(ctx, i.opts.Redis, s.install.OrgID, m.Account, "", 1)
		if err != nil {
			return slack.ModalViewRequest{}, err
		}
		blocks = append(blocks, dealInput(s, len(deals) > 0))
	}
	if s.link != nil {
		blocks = append(blocks, unlinkButton(s))
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return slack.ModalViewRequest{}, err
	}
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: callbackID, Title: plain("Link channel"), Submit: plain("Link"), Close: plain("Cancel"),
		PrivateMetadata: string(raw), Blocks: slack.Blocks{BlockSet: blocks},
	}, nil
}

// dealInput lets a deal of the account be chosen, if there is one.
func dealInput(s *scene, some bool) slack.Block {
	if !some {
		return section("Bigmind has no deals of " + s.account.Title() + ".")
	}
	var chosen *slack.OptionBlockObject
	if s.deal != nil && s.deal.AccountID == s.account.AccountID && len(s.deal.DealID) <= maxOptionValue {
		chosen = dealOption(s.deal)
	}
	element := external(dealAction, "Search by name", chosen)
	return slack.NewInputBlock(dealBlock(s.account.AccountID), plain("Deal"), plain("Leave it empty for the account as a whole."), element).WithOptional(true)
}

func unlinkButton(s *scene) slack.Block {
	button := slack.NewButtonBlockElement(unlinkAction, "", plain("Unlink channel")).WithStyle(slack.StyleDanger).WithConfirm(slack.NewConfirmationBlockObject(
		plain("Unlink "+clip(s.channelName(), 60)+"?"), plain("Its messages leave the account's context, and no new ones are synced."), plain("Unlink"), plain("Cancel"),
	))
	return slack.NewActionBlock(unlinkBlock, button)
}

// explain is a modal that only says something.
func explain(title, text string) slack.ModalViewRequest {
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: callbackID, Title: plain(title), Close: plain("Close"), Blocks: slack.Blocks{BlockSet: []slack.Block{section(text)}},
	}
}

// linked says what the channel is associated with, since when and by whom.
func (s *scene) linked() string {
	var b strings.Builder
	b.WriteString("It is linked to ")
	switch account, deal := s.linkedTo(); {
	case account == nil:
		b.WriteString("an account that is no longer in Bigmind (" + string(s.link.AccountID) + ")")
	case deal != nil:
		b.WriteString(account.Title() + ", deal " + deal.Title())
	case s.link.DealID != "":
		b.WriteString(account.Title() + ", and a deal that is no longer in Bigmind (" + string(s.link.DealID) + ")")
	default:
		b.WriteString(account.Title())
	}
	if !s.link.UpdatedAt.IsZero() {
		b.WriteString(", since " + s.link.UpdatedAt.UTC().Format("2 January 2006"))
	}
	if s.by != nil && s.by.Name != "" {
		b.WriteString(", by " + s.by.Name)
	}
	return b.String() + "."
}

func (s *scene) channelName() string {
	if s.channel.Name == "" { // it comes with the next reading of Slack's lists
		return "this channel"
	}
	return "#" + s.channel.Name
}

func accountOption(a *schemas.Account) *slack.OptionBlockObject {
	var about *slack.TextBlockObject
	if len(a.Domains) > 0 && strings.TrimSpace(a.Domains[0]) != "" {
		about = plain(clip(a.Domains[0], maxOptionText))
	}
	return slack.NewOptionBlockObject(string(a.AccountID), plain(clip(a.Title(), maxOptionText)), about)
}

func dealOption(d *schemas.Deal) *slack.OptionBlockObject {
	var about *slack.TextBlockObject
	if strings.TrimSpace(d.Stage) != "" {
		about = plain(clip(d.Stage, maxOptionText))
	}
	return slack.NewOptionBlockObject(string(d.DealID), plain(clip(d.Title(), maxOptionText)), about)
}

// external is a select whose options are asked of us, from the moment that it is opened.
func external(action, placeholder string, chosen *slack.OptionBlockObject) *slack.SelectBlockElement {
	e := slack.NewOptionsSelectBlockElement(slack.OptTypeExternal, plain(placeholder), action)
	least := 0
	e.MinQueryLength, e.InitialOption = &least, chosen
	return e
}

func section(text string) slack.Block {
	return slack.NewSectionBlock(plain(clip(text, maxSection)), nil, nil)
}

func plain(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, text, false, false)
}

// clip cuts text to so many characters, the last of which then says that it was cut.
func clip(text string, most int) string {
	text = strings.ToValidUTF8(strings.TrimSpace(text), "")
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}

func dealBlock(account schemas.AccountID) string { return dealBlocks + digest(string(account)) }

// seen is a digest of an association, empty for none.
func seen(a *schemas.ChannelAssociation) string {
	if a == nil {
		return ""
	}
	return digest(string(a.AccountID), string(a.DealID), a.By, a.UpdatedAt.UTC().Format(time.RFC3339Nano))
}

func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}
