package schemas

import (
	"errors"
	"strings"
	"time"
)

// TokenID names a token of the API. It is random, and unique among all organizations.
type TokenID string

// APIToken lets a program use the API as somebody of an organization. The token itself is nowhere: only what tells it again.
type APIToken struct {
	OrgID   OrgID   `json:"org_id" jsonschema:"required"`
	TokenID TokenID `json:"token_id" jsonschema:"required"`
	Name    string  `json:"name,omitempty" jsonschema_description:"What it is for, for people."`
	// Hash is the SHA-256 of the whole token, in hex. A token holds 130 random bits, so that a hash made to be slow would add nothing.
	Hash      string    `json:"hash" jsonschema:"required"`
	Role      string    `json:"role" jsonschema:"required,enum=owner,enum=admin,enum=member"`
	UserID    UserID    `json:"user_id,omitempty" jsonschema_description:"Directory user for whom it acts; absent: for nobody."`
	CreatedBy string    `json:"created_by,omitempty"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	ExpiresAt time.Time `json:"expires_at,omitzero" jsonschema_description:"Absent: never."`
	RevokedAt time.Time `json:"revoked_at,omitzero" jsonschema_description:"It is of no use from then on."`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

// Validate says what is missing or not a choice.
func (t *APIToken) Validate() error {
	if err := require("org_id", string(t.OrgID), "token_id", string(t.TokenID), "hash", t.Hash, "role", t.Role); err != nil {
		return err
	}
	switch {
	case len(t.Hash) != 64 || strings.Trim(t.Hash, "0123456789abcdef") != "":
		return errors.New("hash must be a SHA-256 in hex")
	case t.Role != "owner" && t.Role != "admin" && t.Role != "member":
		return errors.New("role must be owner, admin or member")
	}
	return nil
}

// Good reports whether the token may still be used.
func (t *APIToken) Good(now time.Time) bool {
	return t.RevokedAt.IsZero() && (t.ExpiresAt.IsZero() || now.Before(t.ExpiresAt))
}
