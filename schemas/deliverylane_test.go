package schemas

import (
	"testing"
	"time"
)

func TestDeliveryLane(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 9, 21, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		value   string
		lane    string
		expires time.Time
	}{
		"Slack":          {`{"delivery_id":"x","content":{"team_id":"T9","expires_at":1},"team_id":"T1","expires_at":"2026-09-21T12:00:00Z"}`, "T1", at},
		"email":          {`{"email":"Ada@Acme.Example ","expires_at":"never"}`, "acme.example", time.Time{}},
		"neither":        {`{"a":[1,{"b":null}]}`, "", time.Time{}},
		"cut":            {`{"team_id":"T1","expires_at":"2026-09-21T12:00`, "", time.Time{}},
		"something else": {`[1]`, "", time.Time{}},
		"nothing":        {``, "", time.Time{}},
		"a number":       {`{"team_id":7}`, "", time.Time{}},
	} {
		if lane, expires := DeliveryLane([]byte(tt.value)); lane != tt.lane || !expires.Equal(tt.expires) {
			t.Errorf("%s: %q, %v", name, lane, expires)
		}
	}
	for _, s := range samples() {
		if s.spec.Name != DeliveriesSlack.Name {
			continue
		}
		value, err := s.encode()
		if err != nil {
			t.Fatal(err)
		}
		d, isDelivery := s.value.(Delivery)
		if lane, expires := DeliveryLane(value); !isDelivery || lane != string(d.TeamID) || !expires.Equal(d.ExpiresAt) {
			t.Errorf("the sample: %q, %v", lane, expires)
		}
	}
}
