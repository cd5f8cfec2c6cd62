package schemas

import (
	"strings"
	"time"

	"github.com/go-faster/jx"
)

// DeliveryLane reads of a delivery's record, without decoding the whole, what it waits with: the workspace, or the domain of
// the email address; and when it expires, zero: never. A record that is no delivery has neither.
func DeliveryLane(value []byte) (lane string, expires time.Time) {
	var email, at string
	err := jx.DecodeBytes(value).ObjBytes(func(d *jx.Decoder, key []byte) (err error) {
		switch string(key) {
		case "team_id":
			lane, err = d.Str()
		case "email":
			email, err = d.Str()
		case "expires_at":
			at, err = d.Str()
		default:
			err = d.Skip()
		}
		return err
	})
	if err != nil {
		return "", time.Time{}
	}
	if lane == "" {
		_, domain, _ := strings.Cut(NormalEmail(email), "@")
		lane = domain
	}
	expires, err = time.Parse(time.RFC3339, at)
	if err != nil {
		return lane, time.Time{}
	}
	return lane, expires
}
