package console

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
)

// A list that is open looks again by itself, for as long as it is open: a channel comes without its name, which is asked of Slack later, and
// people are matched as Slack's pages of them are read; how long that takes is not ours to say. The page names what it shows of the list, and is
// told that nothing has changed (204) until something has, so that nothing is drawn anew under somebody's hand.

// shownParam names what a list shows, in the URL by which it looks again.
const shownParam = "shown"

// unchanged is what a page is told that shows the list as it is.
var unchanged = answer{status: http.StatusNoContent}

// again is where a list that shows what this block draws looks again: at the page that was asked for.
func again(v *visit, page, block string, data any) (path string, same bool, err error) {
	sum := sha256.New()
	if err := pages[page].ExecuteTemplate(sum, block, data); err != nil {
		return "", false, err
	}
	shown, q := hex.EncodeToString(sum.Sum(nil)[:8]), v.r.URL.Query()
	same = q.Get(shownParam) == shown
	for _, once := range []string{"done", "wait", "since"} { // a form has led here: that is over
		q.Del(once)
	}
	q.Set(shownParam, shown)
	return v.r.URL.Path + "?" + q.Encode(), same, nil
}
