package schemas

import (
	"strings"
	"time"
)

// at is the time of the samples.
var at = time.Date(2026, 9, 21, 12, 0, 0, 123456000, time.UTC)

// sample is one realistic record of a topic, with its codec behind plain functions so that topics of different types fit a table.
type sample struct {
	spec   Spec
	value  any
	key    Key
	encode func() ([]byte, error)
	decode func([]byte) (any, error)
	recode func(any) ([]byte, error) // encodes what decode returned
}

func sampled[T any](topic Topic[T], key Key, value T) sample {
	return sample{
		spec: topic.Spec, value: value, key: key,
		encode: func() ([]byte, error) { return topic.Encode(value) },
		decode: func(b []byte) (any, error) { return topic.Decode(b) },
		recode: func(v any) ([]byte, error) { return topic.Encode(v.(T)) },
	}
}

// samples has every topic once, every field set.
func samples() []sample {
	message := sampleMessage()
	message.ThreadTS, message.Subtype, message.BotID, message.AuthorTeamID = "1789999000.000100", "thread_broadcast", "B024BE7LB", "T0CONNECT"
	message.IsExternal, message.EditedTS, message.FileNames = true, "1790000100.000000", []string{"terms v2.pdf", "Übersicht.xlsx"}
	message.Former = &Wording{Text: "the import did \"finish\"", FileNames: []string{"terms.pdf"}, EditedTS: "1790000050.000000"}
	message.Window = sampleWindow()
	message.Text = "ça marche: \"signed\" <https://acme.example|here> \U0001f389\n• next: legal\\procurement"
	delivery := Delivery{
		DeliveryID: NewDeliveryID("org-northwind", "meeting-4711-ready", "", "usr-ada", BySlack), RequestID: "meeting-4711-ready",
		OrgID: "org-northwind", Type: "meeting_analysis.ready", Recipient: Recipient{UserID: "usr-ada"},
		TypeName: "Meeting summary or analysis is ready", Thread: "meeting-4711", ThreadMode: ThreadUpdate,
		TeamID: "T024BE7LD", SlackUserID: "U024BE7LH", Content: sampleContent(), OnAmbiguous: Repeat,
		Priority: Urgent, Decision: sampleDecision(), Merged: sampleMerged(),
		ExpiresAt: at.Add(24 * time.Hour), RequestedAt: at, RoutedAt: at.Add(time.Second), ReleasedAt: at.Add(9 * time.Hour),
	}
	delivery.Setup = &Setup{
		ChannelID: "C024BE91L", AddedAt: at, InChannel: true, PromptID: NewDeliveryID("org-northwind", "setup/T024BE7LD/C024BE91L/1790000000.000100", "", "", BySlack),
		Association: new(int64(4)), IfLinked: true,
	}
	email := delivery
	email.DeliveryID = NewDeliveryID("org-northwind", "meeting-4711-ready", "", "usr-ada", ByEmail)
	email.TeamID, email.SlackUserID, email.Email = "", "", "ada.okafor@northwind.example"
	return append(controlSamples(),
		sampled(SlackEvents, "T024BE7LD/C024BE91L", SlackEvent{
			TeamID: "T024BE7LD", ChannelID: "C024BE91L", AppID: "A0BIGMIND", EventID: "Ev0PV52K21", EventType: "message", ReceivedAt: at,
			RetryNum: 1, RetryReason: "http_timeout",
			Envelope: []byte(`{"token":"z","team_id":"T024BE7LD","event":{"type":"message","channel":"C024BE91L","user":"U024BE7LH","text":"hello","ts":"1790000000.000100"},"type":"event_callback","event_id":"Ev0PV52K21"}`),
		}),
		sampled(SlackHistory, "T024BE7LD/C024BE91L", SlackHistoryMessage{
			TeamID: "T024BE7LD", ChannelID: "C024BE91L", ChannelType: "channel", PolledAt: at, AsOf: at.Add(-10 * time.Second),
			Message: []byte(`{"type":"message","user":"U024BE7LH","text":"hello","ts":"1790000000.000100"}`), Window: sampleWindow(),
		}),
		sampled(NotificationRequests, "org-northwind", sampleRequest()),
		sampled(NotificationAddressed, "org-northwind", sampleRequest()),
		sampled(DeliveriesSlack, "org-northwind/usr-ada", delivery),
		sampled(DeliveriesSlackUrgent, "org-northwind/usr-ada", delivery),
		sampled(DeliveriesEmail, "org-northwind/usr-ada", email),
		sampled(DeliveriesEmailUrgent, "org-northwind/usr-ada", email),
		sampled(NotificationHeld, "org-northwind/usr-ada/-/"+Key(delivery.DeliveryID), HeldNotification{
			OrgID: "org-northwind", Group: "digest", Channel: BySlack, Why: QuietTime, DueAt: at.Add(9 * time.Hour), Delivery: delivery,
		}),
		sampled(NotificationOutcomes, "org-northwind/meeting-4711-ready", Outcome{
			OrgID: "org-northwind", RequestID: "meeting-4711-ready", DeliveryID: delivery.DeliveryID, Type: "meeting_analysis.ready",
			Recipient: Recipient{UserID: "usr-ada"}, Channel: BySlack, Status: Failed, Reason: AccountInactive,
			Detail: "Slack says that the account is deactivated", Ambiguous: true, TeamID: "T024BE7LD", ChannelID: "D024BFF1M", TS: "1790000001.000200",
			Thread: "meeting-4711", ThreadTS: "1789999000.000100", Setup: delivery.Setup, At: at, Decision: sampleDecision(), Merged: sampleMerged(), MergedInto: delivery.DeliveryID,
			Attempts: 2, Reply: "250 queued", RequestedAt: at, RoutedAt: at, ReleasedAt: at,
		}),
		sampled(ContextMessages, "T024BE7LD/C024BE91L", message),
	)
}

func controlSamples() []sample {
	return []sample{
		sampled(SlackInstallations, "T024BE7LD", Installation{
			OrgID: "org-northwind", TeamID: "T024BE7LD", TeamName: "Northwind", EnterpriseID: "E0GRID", AppID: "A0BIGMIND",
			BotUserID: "U0BOT", BotID: "B0BOT", Scopes: append(NotificationScopes(), ChannelSyncScopes()...),
			SealedToken: "AQIDBA", Status: InstallRevoked, Reason: "token_revoked", InstalledBy: "U024BE7LH", InstalledAt: at,
			SealedRefreshToken: "AQIDBQ", TokenExpiresAt: at, AppClass: ClassCommercial, UpdatedAt: at,
		}),
		sampled(SlackUsers, "T024BE7LD/U024BE7LH", SlackUser{
			OrgID: "org-northwind", TeamID: "T024BE7LD", UserID: "U024BE7LH", Name: "Ada Okafor", Email: "ada.okafor@northwind.example", TimeZone: "Europe/London",
			IsBot: true, IsGuest: true, Deleted: true, IsExternal: true, HomeTeamID: "T0CONNECT", CompanyName: "Acme", UpdatedAt: at,
		}),
		sampled(SlackChannels, "T024BE7LD/C024BE91L", SlackChannel{
			OrgID: "org-northwind", TeamID: "T024BE7LD", ChannelID: "C024BE91L", Name: "acme-rollout", IsPrivate: true, IsArchived: true,
			IsExtShared: true, IsMember: true, ExternalTeamIDs: []TeamID{"T0CONNECT"}, UpdatedAt: at,
		}),
		sampled(ChannelAssociations, "T024BE7LD/C024BE91L", ChannelAssociation{
			OrgID: "org-northwind", TeamID: "T024BE7LD", ChannelID: "C024BE91L", AccountID: "acc-acme", DealID: "deal-acme-2027",
			By: "usr-ada", Source: "slack", UpdatedAt: at,
		}),
		sampled(SetupPrompts, "T024BE7LD/C024BE91L", SetupPrompt{
			OrgID: "org-northwind", TeamID: "T024BE7LD", ChannelID: "C024BE91L", RequestID: "setup/T024BE7LD/C024BE91L/1790000000.000100",
			DeliveryID: NewDeliveryID("org-northwind", "setup/T024BE7LD/C024BE91L/1790000000.000100", "", "", BySlack), AddedAt: at,
			PostedIn: "D024BFF1M", TS: "1790000001.000200", InChannel: true,
		}),
		sampled(SyncCheckpoints, "T024BE7LD/C024BE91L", SyncCheckpoint{
			OrgID: "org-northwind", TeamID: "T024BE7LD", ChannelID: "C024BE91L", Oldest: "1787000000.000100", Newest: "1790000000.000100",
			WindowStart: "1786000000.000000", LastMessage: "1789990000.000100", Complete: true, Status: SyncStopped, Reason: ChannelArchived,
			Intervals: []SyncInterval{{From: "1787000000.000100", To: "1790000000.000100"}, {From: "1786000000.000000", To: "1786500000.000000"}},
			Pass:      &SyncPass{Upper: "1789000000.000100", Pages: 4, Whole: true}, Passes: 12, ThreadsPending: 2, Threads: 40, ThreadsEpoch: "RK5WKH3FMV",
			Messages: 4711, StartedAt: at.Add(-time.Hour), ReconciledAt: at, SweptAt: at, EndsAt: at.Add(time.Hour), UpdatedAt: at,
		}),
		sampled(SyncRequests, "T024BE7LD/C024BE91L", SyncRequest{
			OrgID: "org-northwind", TeamID: "T024BE7LD", ChannelID: "C024BE91L", Since: at.AddDate(-1, 0, 0), By: "ada", UpdatedAt: at,
		}),
		sampled(CRMAccounts, "org-northwind/acc-acme", Account{
			OrgID: "org-northwind", AccountID: "acc-acme", Name: "Acme Corp", Domains: []string{"acme.example", "acme.test"}, OwnerID: "usr-ada", UpdatedAt: at,
		}),
		sampled(CRMDeals, "org-northwind/deal-acme-2027", Deal{
			OrgID: "org-northwind", DealID: "deal-acme-2027", AccountID: "acc-acme", Name: "Acme renewal 2027", Stage: "negotiation", OwnerID: "usr-ada", UpdatedAt: at,
		}),
		sampled(DirectoryUsers, "org-northwind/usr-ada", DirectoryUser{
			OrgID: "org-northwind", UserID: "usr-ada", Email: "ada.okafor@northwind.example", Name: "Ada Okafor", Role: "owner", ManagerID: "usr-boss", Disabled: true, UpdatedAt: at,
		}),
		sampled(NotificationPreferences, "org-northwind/usr-ada", Preferences{
			OrgID: "org-northwind", UserID: "usr-ada", Categories: map[Category]ChannelPreference{"meeting_digest": PreferEmail, "alert": PreferBoth},
			Types: map[NotificationType]ChannelPreference{"pipeline.daily_todos": PreferOff, "coaching.insight": PreferMessage}, QuietHours: sampleQuiet(), UpdatedAt: at,
		}),
		sampled(OrgsSettings, "org-northwind", OrgSettings{
			OrgID: "org-northwind", AssociateBy: OnlyAdmins, BackfillDays: 30, Fallback: OtherChannel, QuietHours: sampleQuiet(),
			Caps:      map[NotificationType]Cap{"meeting_digest.daily": {PerRecipient: 3, PerOrg: 500}, AnyType: {PerRecipient: 10, PerOrg: 1000}},
			Retention: &Retention{MessageDays: 730, VersionDays: 90, DissociatedDays: 30}, UpdatedAt: at,
		}),
		sampled(APITokens, "org-northwind/7gq2mzk4c5xw3t6b", APIToken{
			OrgID: "org-northwind", TokenID: "7gq2mzk4c5xw3t6b", Name: "CRM sync", Hash: strings.Repeat("0f", 32), Role: "admin", UserID: "usr-ada",
			CreatedBy: "usr-ada", CreatedAt: at, ExpiresAt: at.AddDate(1, 0, 0), RevokedAt: at, UpdatedAt: at,
		}),
		sampled(OrgTypes, "org-northwind/forecast.weekly", OrgType{
			OrgID: "org-northwind", UpdatedAt: at, TypeInfo: TypeInfo{
				ID: "forecast.weekly", Category: "forecast", Name: "Weekly forecast", Audience: ForManagers, Default: PreferEmail, Mandatory: true,
				ExpiryMinutes: 1440, Quiet: Drop, OnAmbiguous: Silence, Priority: Urgent,
			},
		}),
	}
}

// sampleWindow is beside a message only here, where every field is set.
func sampleWindow() *SyncWindow {
	return &SyncWindow{From: "1789000000.000100", To: "1790000000.000100", ThreadTS: "1789000000.000100", Present: []TS{"1789000001.000100", "1790000000.000100"}, Threads: []TS{"1789000001.000100"}}
}

func sampleContent() Content {
	return Content{
		Title: "Acme call: the summary is ready", Body: "**Three** next steps, one of them yours.",
		Fields:  []Field{{Label: "Account", Value: "Acme Corp"}, {Label: "Stage", Value: "negotiation"}},
		Link:    &Link{URL: "https://app.bigmind.example/meetings/4711?a=1&b=2", Text: "Read it"},
		Actions: []Action{{Text: "Open the deal", URL: "https://app.bigmind.example/deals/acme-2027", Style: StylePrimary}},
	}
}

func sampleRequest() NotificationRequest {
	return NotificationRequest{
		OrgID: "org-northwind", RequestID: "meeting-4711-ready", Type: "meeting_analysis.ready", Recipient: Recipient{UserID: "usr-ada", Email: "ada.okafor@northwind.example"},
		Recipients: []Recipient{{UserID: "usr-ben", Role: ManagerOf}, {Role: DealOwner, DealID: "deal-acme-2027"}, {Role: AccountOwner, AccountID: "acc-acme"}},
		Content:    sampleContent(), DedupID: "meeting-4711", OnAmbiguous: Silence, Thread: "meeting-4711", ThreadMode: ThreadReply,
		Group: "acme", GroupWindow: 600, Priority: Urgent, ExpiresAt: at.Add(24 * time.Hour), CreatedAt: at, Named: &Recipient{Role: AccountOwner, AccountID: "acc-acme"},
	}
}

func sampleQuiet() *QuietHours {
	return &QuietHours{From: "19:30", To: "08:00", WorkingDays: []Weekday{"mon", "tue", "wed", "thu", "fri"}, TimeZone: "Europe/London", Off: true}
}

func sampleDecision() *Decision {
	return &Decision{
		Rule: RuleUserCategory, Choice: PreferMessage, Considered: []Considered{{RuleUserType, PreferOff}, {RuleUserCategory, PreferMessage}, {RuleTypeDefault, PreferBoth}},
		Mandatory: true, Fallback: true, Held: QuietTime, HeldUntil: at.Add(9 * time.Hour), TimeZone: "Europe/London", Named: &Recipient{UserID: "usr-ben", Role: ManagerOf},
	}
}

func sampleMerged() []MergedRequest {
	return []MergedRequest{{
		RequestID: "meeting-4712-ready", DeliveryID: NewDeliveryID("org-northwind", "meeting-4712-ready", "", "usr-ada", BySlack), Type: "meeting_analysis.ready",
		Decision: sampleDecision(), RequestedAt: at, RoutedAt: at,
	}}
}
