package schemas

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func sampleLetter() DeadLetter {
	return DeadLetter{Reason: Malformed, Detail: "org_id is missing", Component: "route", Topic: "notification.requests", Partition: 5, Offset: 1 << 40, Time: at}
}

func TestDeadLetterRoundTrip(t *testing.T) {
	want := sampleLetter()
	got, err := ParseDeadLetter(append([]Header{{"other", "x"}}, want.Headers()...))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want, got:\n%s", diff)
	}
	zone := want
	zone.Time = at.In(time.FixedZone("east", 2*60*60))
	if got, err := ParseDeadLetter(zone.Headers()); err != nil || !got.Time.Equal(at) {
		t.Errorf("%v, %v", got.Time, err)
	}
}

// A detail that grew with its record would make a letter too large for any broker, and the partition stand still: the
// name of a preference, quoted in its error, may be as long as a record.
func TestDeadLetterDetailIsBounded(t *testing.T) {
	letter := sampleLetter()
	letter.Detail = strings.Repeat("é", 500_000)
	got, err := ParseDeadLetter(letter.Headers())
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Detail) > 1100 || len(got.Detail) < 900 || !utf8.ValidString(got.Detail) {
		t.Errorf("the detail has %d bytes, valid UTF-8: %v", len(got.Detail), utf8.ValidString(got.Detail))
	}
}

func TestDeadLetterErrors(t *testing.T) {
	for spoilt, value := range map[string]string{
		HeaderPartition: "s3cret", HeaderOffset: "s3cret", HeaderTime: "s3cret",
	} {
		headers := sampleLetter().Headers()
		for i := range headers {
			if headers[i].Key == spoilt {
				headers[i].Value = value
			}
		}
		if _, err := ParseDeadLetter(headers); err == nil || !strings.Contains(err.Error(), spoilt) || strings.Contains(err.Error(), value) {
			t.Errorf("%s: %v", spoilt, err)
		}
	}
	if _, err := ParseDeadLetter(nil); err == nil {
		t.Error("a record without headers is taken for a dead letter")
	}
	if _, err := ParseDeadLetter([]Header{{HeaderPartition, "2147483648"}}); err == nil {
		t.Error("a partition beyond int32 is taken")
	}
}

func FuzzParseDeadLetter(f *testing.F) {
	f.Add("malformed", "1", "2", "2026-09-21T12:00:00Z")
	f.Add("", "-1", "9223372036854775807", "")
	f.Fuzz(func(t *testing.T, reason, partition, offset, at string) {
		letter, err := ParseDeadLetter([]Header{{HeaderReason, reason}, {HeaderPartition, partition}, {HeaderOffset, offset}, {HeaderTime, at}})
		if err != nil || letter.Time.UTC().Year() > 9999 || letter.Time.UTC().Year() < 0 {
			return
		}
		again, err := ParseDeadLetter(letter.Headers())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(letter, again); diff != "" {
			t.Error(diff)
		}
	})
}
