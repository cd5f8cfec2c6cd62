package slacksim

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/bigmind/backchannel/schemas"
)

type (
	// TeamID names a workspace (T…).
	TeamID = schemas.TeamID
	// ChannelID names a conversation (C…, D…, G…).
	ChannelID = schemas.ChannelID
	// UserID names a person or bot user (U…).
	UserID = schemas.SlackUserID
	// TS names a message within its channel, such as "1727384523.000200".
	TS = schemas.TS
	// AppID names an app (A…).
	AppID string
	// BotID names an app's bot in one workspace (B…).
	BotID string
	// EventID names one event for one app (Ev…).
	EventID string
)

// slackbot is the one user that every workspace has. users.list shows it, with is_bot false.
const slackbot UserID = "USLACKBOT"

const idAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// randomFrom returns n random characters of an alphabet.
func randomFrom(alphabet string, n int) string {
	var b strings.Builder
	for range n {
		i, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
		if err != nil {
			panic(err) // crypto/rand does not fail on the systems Go supports
		}
		b.WriteByte(alphabet[i.Int64()])
	}
	return b.String()
}

// newID makes an id as Slack does: a letter for the kind, then ten letters or digits.
func newID(kind string) string { return kind + "0" + randomFrom(idAlphabet, 9) }

// newSecret makes a signing secret or verification token: n lowercase hexadecimal digits.
func newSecret(n int) string { return randomFrom("0123456789abcdef", n) }

func newBotToken() string {
	const digits, letters = "123456789", "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return "xoxb-" + randomFrom(digits, 12) + "-" + randomFrom(digits, 13) + "-" + randomFrom(letters, 24)
}

// eventID is the same each time the journal is replayed, and unlike that of any other simulator.
func eventID(salt string, seq uint64, n int) EventID {
	counter := strings.ToUpper(strconv.FormatUint(seq<<10|uint64(n), 36))
	return EventID(fmt.Sprintf("Ev%s%08s", salt, counter))
}

// formatTS writes microseconds since the epoch as Slack writes a ts.
func formatTS(micros int64) TS { return TS(fmt.Sprintf("%d.%06d", micros/1e6, micros%1e6)) }
