package slacksim

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// How a list of Slack's says that it has ended: next_cursor is empty, null or missing, as Settings.CursorEnd has it.
const (
	endEmpty   = "empty"
	endNull    = "null"
	endMissing = "missing"
	endVaried  = "varied"
)

// cursor is base64 of what comes next, as Slack's are (dXNlcjpV… is user:U…), with when it was given: they expire.
func (c *call) cursor(kind, next string) string {
	return base64.StdEncoding.EncodeToString([]byte(fmt.Sprintf("%s:%s@%d", kind, next, c.now().Unix())))
}

// readCursor returns what a cursor says comes next; empty for the first page.
func (c *call) readCursor(kind string) (string, error) {
	text := c.args.str("cursor")
	if text == "" {
		return "", nil
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	rest, ours := strings.CutPrefix(string(raw), kind+":")
	next, given, timed := strings.Cut(rest, "@")
	at, err2 := strconv.ParseInt(given, 10, 64)
	if err != nil || !ours || !timed || err2 != nil {
		return "", fail("invalid_cursor")
	}
	if life := c.settings.CursorLifeSeconds; life > 0 && c.now().Sub(time.Unix(at, 0)) >= time.Duration(life)*time.Second {
		return "", fail("invalid_cursor")
	}
	return next, nil
}

// ended fills in response_metadata: the next cursor, or one of the ways in which there is none. A fault gives the same page again.
func (c *call) ended(out response, kind, next string) response {
	if c.args.str("cursor") != "" && c.faults.strikeAPI(FaultRepeatCursor, c.method, c.team.ID, c.app.ID, ChannelID(c.args.str("channel"))) != nil {
		metadata(out)["next_cursor"] = c.args.str("cursor")
		return out
	}
	if next != "" {
		metadata(out)["next_cursor"] = c.cursor(kind, next)
		return out
	}
	end := c.settings.CursorEnd
	if end == endVaried {
		end = []string{endEmpty, endNull, endMissing}[c.state.Seq%3]
	}
	switch end {
	case endNull:
		metadata(out)["next_cursor"] = nil
	case endMissing:
	default:
		metadata(out)["next_cursor"] = ""
	}
	return out
}

// limitOf reads the page size. Slack refuses what is above its most, and takes its own default for 0.
func (c *call) limitOf(otherwise, most int) (int, error) {
	limit, err := c.args.number("limit")
	switch {
	case err != nil:
		return 0, err
	case limit > most:
		return 0, fail("invalid_limit")
	case limit == 0:
		return otherwise, nil
	}
	return limit, nil
}

// slicePage is a page of a list of ids. Short pages, and empty ones, are not the end (Slack says of its lists that a page
// can hold fewer than the limit although there are more): Settings.ShortPages makes them.
func slicePage[ID ~string](c *call, kind string, all []ID, limit int) (page []ID, next string, err error) {
	from, err := c.readCursor(kind)
	if err != nil {
		return nil, "", err
	}
	start := 0
	if from != "" {
		for start < len(all) && string(all[start]) != from {
			start++
		}
		if start == len(all) { // it has gone since
			return nil, "", fail("invalid_cursor")
		}
	}
	end := min(start+c.pageSize(limit, from), len(all))
	if end < len(all) {
		next = string(all[end])
	}
	return all[start:end], next, nil
}

// pageSize is the limit, or with Settings.ShortPages less: every second page is half as long, and one of five empty, but not the
// first, nor the same one twice.
func (c *call) pageSize(limit int, from string) int {
	if !c.settings.ShortPages {
		return limit
	}
	switch made := c.calls[c.method].made(); {
	case made%5 == 4 && from != "":
		return 0
	case made%2 == 1:
		return max(1, limit/2)
	}
	return limit
}

func (s *CallStats) made() int {
	if s == nil {
		return 0
	}
	return s.Calls
}

// wrongTeam checks team_id, which an org-wide token has to give and any other may.
func (c *call) wrongTeam() error {
	if team := TeamID(c.args.str("team_id")); team != "" && team != c.team.ID {
		return fail("team_access_not_granted")
	}
	return nil
}
