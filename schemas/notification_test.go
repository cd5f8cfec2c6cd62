package schemas

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// Each invalid field of a request names itself, and a valid request passes.
func TestRequestCheckNamesTheField(t *testing.T) {
	valid := func() NotificationRequest {
		return NotificationRequest{OrgID: "org", RequestID: "r", Type: "alert.important", Recipient: Recipient{UserID: "u"}, Content: sampleContent()}
	}
	for name, tt := range map[string]struct {
		spoil func(*NotificationRequest)
		want  string // "" passes
	}{
		"valid":                  {func(*NotificationRequest) {}, ""},
		"by email":               {func(r *NotificationRequest) { r.Recipient = Recipient{Email: "a@b.example"} }, ""},
		"title of any length":    {func(r *NotificationRequest) { r.Content.Title = strings.Repeat("é", 50_000) }, ""},
		"body at the limit":      {func(r *NotificationRequest) { r.Content.Body = strings.Repeat("é", MaxBody) }, ""},
		"no link":                {func(r *NotificationRequest) { r.Content.Link = nil }, ""},
		"both policies":          {func(r *NotificationRequest) { r.OnAmbiguous = Silence }, ""},
		"no org":                 {func(r *NotificationRequest) { r.OrgID = "" }, "org_id is missing"},
		"no request id":          {func(r *NotificationRequest) { r.RequestID = "" }, "request_id is missing"},
		"no type":                {func(r *NotificationRequest) { r.Type = "" }, "type is missing"},
		"no recipient":           {func(r *NotificationRequest) { r.Recipient = Recipient{} }, "recipient needs"},
		"blank email":            {func(r *NotificationRequest) { r.Recipient = Recipient{Email: "  "} }, "recipient needs"},
		"control in org":         {func(r *NotificationRequest) { r.OrgID = "a\x00b" }, "org_id must not"},
		"control in request":     {func(r *NotificationRequest) { r.RequestID = "a\nb" }, "request_id must not"},
		"control in type":        {func(r *NotificationRequest) { r.Type = "a\tb" }, "type must not"},
		"control in dedup id":    {func(r *NotificationRequest) { r.DedupID = "a\x00b" }, "dedup_id must not"},
		"control in user id":     {func(r *NotificationRequest) { r.Recipient.UserID = "a\x00b" }, "recipient.user_id must not"},
		"control in email":       {func(r *NotificationRequest) { r.Recipient.Email = "a@b.example\r\nBcc: c@d.example" }, "recipient.email must not"},
		"unknown policy":         {func(r *NotificationRequest) { r.OnAmbiguous = "maybe" }, "on_ambiguous must"},
		"no title":               {func(r *NotificationRequest) { r.Content.Title = "" }, "content.title is missing"},
		"blank title":            {func(r *NotificationRequest) { r.Content.Title = " \n" }, "content.title is missing"},
		"long body":              {func(r *NotificationRequest) { r.Content.Body = strings.Repeat("é", MaxBody+1) }, "content.body is longer"},
		"link of another scheme": {func(r *NotificationRequest) { r.Content.Link.URL = "javascript:alert(1)" }, "content.link.url must"},
		"link without a url":     {func(r *NotificationRequest) { r.Content.Link.URL = "" }, "content.link.url must"},
		"long link":              {func(r *NotificationRequest) { r.Content.Link.URL = "https://" + strings.Repeat("a", MaxLinkURL) }, "content.link.url is longer"},
		"long button":            {func(r *NotificationRequest) { r.Content.Link.Text = strings.Repeat("é", MaxLinkText+1) }, "content.link.text is longer"},
		"link with a user name":  {func(r *NotificationRequest) { r.Content.Link.URL = "https://good.example@evil.example/" }, "content.link.url must not"},
		"link without a host":    {func(r *NotificationRequest) { r.Content.Link.URL = "https:///path" }, "content.link.url is not"},
		"link that is none":      {func(r *NotificationRequest) { r.Content.Link.URL = "https://a b\n" }, "content.link.url is not"},
		"fields at the limit":    {func(r *NotificationRequest) { r.Content.Fields = slices.Repeat(r.Content.Fields[:1], MaxFields) }, ""},
		"too many fields":        {func(r *NotificationRequest) { r.Content.Fields = slices.Repeat(r.Content.Fields, MaxFields) }, "content.fields has more"},
		"field without a label":  {func(r *NotificationRequest) { r.Content.Fields[1].Label = " " }, "content.fields[1].label must"},
		"long field":             {func(r *NotificationRequest) { r.Content.Fields[1].Value = strings.Repeat("é", MaxFieldValue+1) }, "content.fields[1].value is longer"},
		"too many actions":       {func(r *NotificationRequest) { r.Content.Actions = slices.Repeat(r.Content.Actions, MaxActions+1) }, "content.actions has more"},
		"action without a word":  {func(r *NotificationRequest) { r.Content.Actions[0].Text = "" }, "content.actions[0].text is missing"},
		"action without a url":   {func(r *NotificationRequest) { r.Content.Actions[0].URL = "" }, "content.actions[0].url must"},
		"action of a style":      {func(r *NotificationRequest) { r.Content.Actions[0].Style = "loud" }, "content.actions[0].style must"},
		"thread":                 {func(r *NotificationRequest) { r.Thread, r.ThreadMode = "t", ThreadUpdate }, ""},
		"long thread":            {func(r *NotificationRequest) { r.Thread = strings.Repeat("é", MaxThread+1) }, "thread is longer"},
		"control in thread":      {func(r *NotificationRequest) { r.Thread = "a\x00b" }, "thread must not"},
		"mode without a thread":  {func(r *NotificationRequest) { r.ThreadMode = ThreadReply }, "thread is missing"},
		"unknown thread mode":    {func(r *NotificationRequest) { r.Thread, r.ThreadMode = "t", "loop" }, "thread_mode must"},
	} {
		t.Run(name, func(t *testing.T) {
			r := valid()
			tt.spoil(&r)
			refused(t, r.Check(), tt.want)
		})
	}
}

func TestDeliveryValidateNamesTheField(t *testing.T) {
	valid := func() Delivery {
		return Delivery{
			DeliveryID: NewDeliveryID("org", "r", "", "u", BySlack), RequestID: "r", OrgID: "org",
			TeamID: "T1", SlackUserID: "U1", Content: sampleContent(),
		}
	}
	for name, tt := range map[string]struct {
		spoil func(*Delivery)
		want  string
	}{
		"by Slack":       {func(*Delivery) {}, ""},
		"by email":       {func(d *Delivery) { d.TeamID, d.SlackUserID, d.Email = "", "", "a@b.example" }, ""},
		"no id":          {func(d *Delivery) { d.DeliveryID = "" }, "delivery_id is missing"},
		"path as id":     {func(d *Delivery) { d.DeliveryID = "../../etc/passwd" }, "delivery_id must be a UUID"},
		"no request":     {func(d *Delivery) { d.RequestID = "" }, "request_id is missing"},
		"no org":         {func(d *Delivery) { d.OrgID = "" }, "org_id is missing"},
		"no team":        {func(d *Delivery) { d.TeamID = "" }, "team_id"},
		"no person":      {func(d *Delivery) { d.SlackUserID = "" }, "slack_user_id"},
		"without a word": {func(d *Delivery) { d.Content.Title = "" }, "content.title"},
	} {
		t.Run(name, func(t *testing.T) {
			d := valid()
			tt.spoil(&d)
			refused(t, d.Validate(), tt.want)
		})
	}
}

// What waits belongs to the organization that it is filed under.
func TestHeldValidateNamesTheField(t *testing.T) {
	delivery := Delivery{DeliveryID: NewDeliveryID("org", "r", "", "u", BySlack), RequestID: "r", OrgID: "org", TeamID: "T1", SlackUserID: "U1", Content: sampleContent()}
	for name, tt := range map[string]struct {
		held HeldNotification
		want string
	}{
		"valid":              {HeldNotification{OrgID: "org", Channel: BySlack, DueAt: at, Delivery: delivery}, ""},
		"no org":             {HeldNotification{Channel: BySlack, DueAt: at, Delivery: delivery}, "org_id is missing"},
		"of another org":     {HeldNotification{OrgID: "other", Channel: BySlack, DueAt: at, Delivery: delivery}, "delivery.org_id must"},
		"no channel":         {HeldNotification{OrgID: "org", DueAt: at, Delivery: delivery}, "channel must"},
		"never due":          {HeldNotification{OrgID: "org", Channel: BySlack, Delivery: delivery}, "due_at is missing"},
		"nothing to deliver": {HeldNotification{OrgID: "org", Channel: BySlack, DueAt: time.Unix(1, 0), Delivery: Delivery{OrgID: "org"}}, "delivery_id is missing"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, tt.held.Validate(), tt.want) })
	}
}

func refused(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("refused: %v", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("got %v, want %q", err, want)
	}
}

// A repeat of a request is the same delivery; anything else that differs makes another.
func TestDeliveryID(t *testing.T) {
	id := NewDeliveryID("org", "r", "", "u", BySlack)
	if want := DeliveryID("efcf63a7-7906-8d0e-9544-bf9c51a0026c"); id != want { // the ledger of a running system knows deliveries by it
		t.Errorf("the id is %s, want %s as it always was", id, want)
	}
	others := map[string]DeliveryID{
		"org":                  NewDeliveryID("org2", "r", "", "u", BySlack),
		"request":              NewDeliveryID("org", "r2", "", "u", BySlack),
		"recipient":            NewDeliveryID("org", "r", "", "u2", BySlack),
		"channel":              NewDeliveryID("org", "r", "", "u", ByEmail),
		"dedup id":             NewDeliveryID("org", "r", "d", "u", BySlack),
		"dedup id as request":  NewDeliveryID("org", "r", "r", "u", BySlack),
		"parts moved together": NewDeliveryID("or", "gr", "", "u", BySlack),
	}
	seen := map[DeliveryID]string{id: "itself"}
	for what, other := range others {
		if was, taken := seen[other]; taken {
			t.Errorf("another %s has the id of %s", what, was)
		}
		seen[other] = what
	}
	if a, b := NewDeliveryID("org", "r1", "d", "u", BySlack), NewDeliveryID("org", "r2", "d", "u", BySlack); a != b {
		t.Error("two requests with one dedup id have two delivery ids")
	}
}
