package doctor

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxSkew is what clocks may differ. Slack's signatures are refused from 5 minutes on; quiet hours and expiries are wrong before that.
const maxSkew = 30 * time.Second

// clocks compares this machine's with Slack's, Redis' and ClickHouse's.
func (d *Doctor) clocks(ctx context.Context) {
	var off, compared []string
	var worst time.Duration
	for _, c := range []struct {
		name string
		ask  func(context.Context) (time.Time, error)
		up   bool
	}{
		{"Slack", d.slackTime, true},
		{"Redis", func(ctx context.Context) (time.Time, error) { return d.Redis.Time(ctx).Result() }, d.up.redis},
		{"ClickHouse", func(ctx context.Context) (at time.Time, err error) {
			err = d.ch.QueryRow(ctx, "SELECT now64(3, 'UTC')").Scan(&at)
			return at, err
		}, d.up.clickhouse},
	} {
		if !c.up {
			continue
		}
		bounded, cancel := d.bounded(ctx)
		before := d.Now()
		theirs, err := c.ask(bounded)
		after := d.Now()
		cancel()
		if err != nil || theirs.IsZero() {
			continue // that it does not answer is said already
		}
		compared = append(compared, c.name)
		ours := before.Add(after.Sub(before) / 2)
		if skew := ours.Sub(theirs); skew.Abs() > maxSkew+after.Sub(before) {
			off = append(off, c.name)
			if skew.Abs() > worst.Abs() {
				worst = skew
			}
		}
	}
	if len(compared) == 0 {
		d.unknown("clock", "skew", "There is no clock to compare with.", "")
		return
	}
	if len(off) == 0 {
		d.pass("clock", "skew", fmt.Sprintf("The clock agrees with those of %s.", strings.Join(compared, ", ")))
		return
	}
	where := map[bool]string{true: "ahead of", false: "behind"}[worst > 0]
	whose, mend := "This machine's clock is", "Set the clock of this machine, by NTP. Slack's requests are refused from 5 minutes on."
	if len(off) < len(compared) && !slices.Equal(off, compared) {
		whose, mend = "The clock of this machine is, or that one's is not,", "Set the clock that is wrong, by NTP."
	}
	d.fail("clock", "skew", "", fmt.Sprintf("%s %s %s that of %s.", whose, worst.Abs().Round(time.Second), where, strings.Join(off, ", ")), mend)
}

// slackTime is the Date of any answer of Slack's Web API.
func (d *Doctor) slackTime(ctx context.Context) (time.Time, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.SlackAPI+"api.test", nil)
	if err != nil {
		return time.Time{}, err
	}
	answer, err := d.HTTP.Do(req)
	if err != nil {
		return time.Time{}, err
	}
	defer answer.Body.Close()
	return http.ParseTime(answer.Header.Get("Date"))
}
