// Package apitoken makes and checks the tokens of the API. A token is "bct_", its id, "_" and 130 random bits; of it only a hash is kept, in a
// record of api.tokens. Whoever holds it acts for its organization in its role, or for a person of the directory and never as more than
// they are at that moment.
package apitoken

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/actor"
	"github.com/bigmind/backchannel/schemas"
)

// prefix lets people, and scanners for leaked secrets, tell what it is.
const prefix = "bct_"

// idLength of an id's characters is 80 bits: two tokens that ever have one id are not to be expected.
const idLength = 16

// New makes a token and its record, of which the caller sets what it is for.
func New() (token string, record schemas.APIToken) {
	id := strings.ToLower(rand.Text())[:idLength]
	token = prefix + id + "_" + strings.ToLower(rand.Text())
	return token, schemas.APIToken{TokenID: schemas.TokenID(id), Hash: hashOf(token)}
}

func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// ErrRefused means that a token is none, is not known, has expired or was revoked, or that its person is no longer in the directory. It
// does not say which: whoever has a token that is refused need not know whether it once was one.
var ErrRefused = errors.New("the token is not valid: it is none of ours, has expired or was revoked")

// Reader finds out who a token is, in the Redis views.
type Reader struct {
	Redis redis.UniversalClient
	Now   func() time.Time
}

// Actor is who holds the token. ErrRefused: nobody; any other error: it cannot be told now.
func (r Reader) Actor(ctx context.Context, token string) (actor.Actor, error) {
	id, ok := idOf(token)
	if !ok {
		return actor.Actor{}, ErrRefused
	}
	var found *redis.StringCmd
	if err := ingest.Lookup(ctx, r.Redis, func(pipe redis.Pipeliner) { found = pipe.HGet(ctx, schemas.ViewAPITokens(), id) }); err != nil {
		return actor.Actor{}, err
	}
	t, err := ingest.Viewed[schemas.APIToken](found.Val())
	switch {
	case err != nil:
		return actor.Actor{}, err
	case t == nil || subtle.ConstantTimeCompare([]byte(t.Hash), []byte(hashOf(token))) != 1 || !t.Good(r.Now()):
		return actor.Actor{}, ErrRefused
	}
	role, err := actor.ParseRole(t.Role)
	if err != nil {
		return actor.Actor{}, ErrRefused
	}
	a := actor.Actor{Org: t.OrgID, Role: role, Via: "token:" + id}
	if t.UserID == "" {
		return a, nil
	}
	return r.person(ctx, a, t.UserID)
}

// idOf reads the id out of a token.
func idOf(token string) (id string, ok bool) {
	rest, is := strings.CutPrefix(token, prefix)
	id, secret, both := strings.Cut(rest, "_")
	return id, is && both && len(id) == idLength && secret != ""
}

// person makes an actor somebody of the directory, with the lesser of the two roles.
func (r Reader) person(ctx context.Context, a actor.Actor, user schemas.UserID) (actor.Actor, error) {
	var found *redis.StringCmd
	if err := ingest.Lookup(ctx, r.Redis, func(pipe redis.Pipeliner) { found = pipe.HGet(ctx, schemas.ViewOrgUsers(a.Org), string(user)) }); err != nil {
		return actor.Actor{}, err
	}
	u, err := ingest.Viewed[schemas.DirectoryUser](found.Val())
	if err != nil {
		return actor.Actor{}, err
	}
	if u == nil || !actor.Of(u).Known() {
		return actor.Actor{}, ErrRefused
	}
	a.User, a.Role = user, actor.Least(a.Role, actor.Of(u).Role)
	return a, nil
}
