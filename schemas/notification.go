package schemas

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Preferences are an organization's defaults (no user_id) or one user's overrides. What is absent falls through:
// the user's for the type, else the user's for the category, else the organization's for the type, else for the
// category, else the type's own default.
type Preferences struct {
	OrgID      OrgID                                  `json:"org_id" jsonschema:"required"`
	UserID     UserID                                 `json:"user_id,omitempty" jsonschema_description:"Absent: the organization's defaults."`
	Categories map[Category]ChannelPreference         `json:"categories,omitempty"`
	Types      map[NotificationType]ChannelPreference `json:"types,omitempty"`
	QuietHours *QuietHours                            `json:"quiet_hours,omitempty" jsonschema_description:"A user's own. The organization's are in org.settings."`
	UpdatedAt  time.Time                              `json:"updated_at,omitzero"`
}

// Validate says what is missing or not a choice.
func (p *Preferences) Validate() error {
	for name, choice := range p.Categories {
		if !choice.Valid() {
			return fmt.Errorf("categories.%s must be email, message, both or off", name)
		}
	}
	for name, choice := range p.Types {
		if !choice.Valid() {
			return fmt.Errorf("types.%s must be email, message, both or off", name)
		}
	}
	if p.QuietHours != nil {
		if p.UserID == "" {
			return errors.New("quiet_hours of an organization are in org.settings")
		}
		if err := p.QuietHours.Validate(); err != nil {
			return err
		}
	}
	return require("org_id", string(p.OrgID))
}

// Recipient names a person: by directory user id, by email, or by role. One is enough.
type Recipient struct {
	UserID UserID `json:"user_id,omitempty"`
	Email  string `json:"email,omitempty"`
	// Role names the person by what they are to somebody or something, as the directory and the CRM have it.
	Role      Role      `json:"role,omitempty" jsonschema:"enum=manager,enum=account_owner,enum=deal_owner" jsonschema_description:"manager: of the user_id or email beside it. account_owner: of account_id. deal_owner: of deal_id."`
	AccountID AccountID `json:"account_id,omitempty"`
	DealID    DealID    `json:"deal_id,omitempty"`
}

// Role is what somebody is to a user, an account or a deal.
type Role string

// The roles.
const (
	ManagerOf    Role = "manager"
	AccountOwner Role = "account_owner"
	DealOwner    Role = "deal_owner"
)

// KeyPart is the recipient's part of a record key, so that a person's notifications stay in order.
func (r Recipient) KeyPart() string {
	switch {
	case r.Role == AccountOwner && r.AccountID != "":
		return string(r.Role) + ":" + string(r.AccountID)
	case r.Role == DealOwner && r.DealID != "":
		return string(r.Role) + ":" + string(r.DealID)
	case r.Role == AccountOwner || r.Role == DealOwner:
		return ""
	}
	named := string(r.UserID)
	if named == "" {
		named = NormalEmail(r.Email)
	}
	if r.Role == ManagerOf && named != "" {
		return string(r.Role) + ":" + named
	}
	return named
}

// check says what is wrong with a recipient; at is where it stands in the request.
func (r Recipient) check(at string) error {
	if err := printable("user_id", string(r.UserID), "email", r.Email, "account_id", string(r.AccountID), "deal_id", string(r.DealID)); err != nil {
		return fmt.Errorf("%s.%w", at, err)
	}
	switch {
	case r.Role != "" && r.Role != ManagerOf && r.Role != AccountOwner && r.Role != DealOwner:
		return fmt.Errorf("%s.role must be manager, account_owner or deal_owner", at)
	case r.Role == AccountOwner && r.AccountID == "":
		return fmt.Errorf("%s.account_id is missing: whose owner?", at)
	case r.Role == DealOwner && r.DealID == "":
		return fmt.Errorf("%s.deal_id is missing: whose owner?", at)
	case r.KeyPart() == "":
		return fmt.Errorf("%s needs a user_id or an email", at)
	}
	return nil
}

// NotificationRequest asks that a person be told something.
type NotificationRequest struct {
	OrgID     OrgID            `json:"org_id" jsonschema:"required"`
	RequestID RequestID        `json:"request_id" jsonschema:"required" jsonschema_description:"Unique within the organization; a repeat of it is recognised and delivered once."`
	Type      NotificationType `json:"type" jsonschema:"required"`
	Recipient Recipient        `json:"recipient,omitzero" jsonschema_description:"Who. Either this or recipients."`
	// Recipients are several people; each has outcomes of their own.
	Recipients []Recipient `json:"recipients,omitempty" jsonschema:"maxItems=100"`
	Content    Content     `json:"content" jsonschema:"required"`
	// DedupID, when two requests share it, makes the second one a repeat of the first (same organization and recipient).
	DedupID     string          `json:"dedup_id,omitempty"`
	OnAmbiguous AmbiguousPolicy `json:"on_ambiguous,omitempty" jsonschema:"enum=repeat,enum=silence"`
	Thread      string          `json:"thread,omitempty" jsonschema:"maxLength=200" jsonschema_description:"Requests of one thread belong together for a person: a later one answers the first, or updates it."`
	ThreadMode  ThreadMode      `json:"thread_mode,omitempty" jsonschema:"enum=reply,enum=update"`
	// Group: a person's requests of one group and channel that come within its window become one message.
	Group       string    `json:"group,omitempty" jsonschema:"maxLength=200"`
	GroupWindow int       `json:"group_window_seconds,omitempty" jsonschema:"minimum=1,maximum=86400" jsonschema_description:"From the group's first request on. Absent: 300."`
	Priority    Priority  `json:"priority,omitempty" jsonschema:"enum=normal,enum=urgent" jsonschema_description:"Absent: the type's."`
	ExpiresAt   time.Time `json:"expires_at,omitzero"`
	CreatedAt   time.Time `json:"created_at,omitzero"`
	// Named is how the request named the person, once that has been found out. Written by Backchannel.
	Named *Recipient `json:"named,omitempty" jsonschema_description:"Written by Backchannel: how the request named the person."`
}

// Bounds of a request.
const (
	MaxRecipients      = 100
	MaxGroup           = 200
	DefaultGroupWindow = 5 * time.Minute
	maxGroupWindow     = 24 * time.Hour
)

// Window is how long the group's first request waits for others.
func (r *NotificationRequest) Window() time.Duration {
	if r.GroupWindow == 0 {
		return DefaultGroupWindow
	}
	return time.Duration(r.GroupWindow) * time.Second
}

// Identified reports whether an outcome can name this request at all.
func (r *NotificationRequest) Identified() bool { return r.OrgID != "" && r.RequestID != "" }

// Check says what the upstream has to mend. It is apart from decoding, so that a request that names itself gets an outcome.
func (r *NotificationRequest) Check() error {
	if err := require("org_id", string(r.OrgID), "request_id", string(r.RequestID), "type", string(r.Type)); err != nil {
		return err
	}
	if err := printable("org_id", string(r.OrgID), "request_id", string(r.RequestID), "type", string(r.Type), "dedup_id", r.DedupID, "thread", r.Thread, "group", r.Group); err != nil {
		return err
	}
	if err := r.checkRecipients(); err != nil {
		return err
	}
	switch {
	case longer(r.Group, MaxGroup):
		return fmt.Errorf("group is longer than %d characters", MaxGroup)
	case r.GroupWindow < 0 || r.GroupWindow > int(maxGroupWindow.Seconds()):
		return fmt.Errorf("group_window_seconds must be a number from 1 to %d", int(maxGroupWindow.Seconds()))
	case r.Group == "" && r.GroupWindow != 0:
		return errors.New("group is missing: group_window_seconds says how long it waits")
	}
	if err := checkPriority(r.Priority); err != nil {
		return err
	}
	if r.OnAmbiguous != "" && r.OnAmbiguous != Repeat && r.OnAmbiguous != Silence {
		return errors.New("on_ambiguous must be repeat or silence")
	}
	if err := checkThread(r.Thread, r.ThreadMode); err != nil {
		return err
	}
	return r.Content.validate()
}

func (r *NotificationRequest) checkRecipients() error {
	switch {
	case len(r.Recipients) == 0:
		return r.Recipient.check("recipient")
	case r.Recipient != Recipient{}:
		return errors.New("recipient and recipients are both there: which?")
	case len(r.Recipients) > MaxRecipients:
		return fmt.Errorf("recipients has more than %d people", MaxRecipients)
	}
	for i, to := range r.Recipients {
		if err := to.check(fmt.Sprintf("recipients[%d]", i)); err != nil {
			return err
		}
	}
	return nil
}

// printable takes name, value pairs and names the first with a control character: NUL separates the parts of a delivery id,
// and a line break has no business in an address.
func printable(pairs ...string) error {
	for i := 0; i+1 < len(pairs); i += 2 {
		if hasControl(pairs[i+1]) {
			return errors.New(pairs[i] + " must not contain control characters")
		}
	}
	return nil
}

// hasControl looks for unicode.IsControl; most text is ASCII, where a byte says it.
func hasControl(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c == 0x7f:
			return true
		case c >= utf8.RuneSelf:
			return strings.ContainsFunc(s[i:], unicode.IsControl)
		}
	}
	return false
}
