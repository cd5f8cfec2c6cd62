// Package seal is the sealed form in which a Slack token crosses Kafka and Redis: Tink AEAD (AES-256-GCM), bound to its
// team, so that a sealed token copied into another team's installation does not open.
package seal

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/bigmind/backchannel/schemas"
)

// Sealer seals and opens tokens with a key set: the primary key seals, every key of the set opens. So a key is rotated
// by adding one as primary and keeping the former until the last token was sealed anew.
type Sealer struct {
	aead    tink.AEAD
	primary uint32 // id of the key that seals
}

// NewKeySet returns a fresh key set as Tink's JSON. It is a secret.
func NewKeySet() ([]byte, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("make a token key set: %w", err)
	}
	var out bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&out)); err != nil {
		return nil, fmt.Errorf("write a token key set: %w", err)
	}
	return out.Bytes(), nil
}

// New reads a key set in Tink's JSON form. Errors never quote it.
func New(keySet []byte) (*Sealer, error) {
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(keySet)))
	if err != nil {
		return nil, errors.New("the token key set is not a Tink key set in JSON; 'backchannel seal --new-key-set' makes one")
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, errors.New("the token key set holds no AEAD key; 'backchannel seal --new-key-set' makes one")
	}
	return &Sealer{aead: primitive, primary: handle.KeysetInfo().GetPrimaryKeyId()}, nil
}

// Seal returns the token sealed for a team, in URL-safe base64.
func (s *Sealer) Seal(team schemas.TeamID, token string) (string, error) {
	sealed, err := s.SealFor(tokenOf(team), token)
	if err != nil {
		return "", fmt.Errorf("seal the token of team %s: %w", team, err)
	}
	return sealed, nil
}

// SealFor seals a text for a purpose, such as backchannel/install-ticket. It opens for the same purpose only.
func (s *Sealer) SealFor(purpose, text string) (string, error) {
	sealed, err := s.aead.Encrypt([]byte(text), []byte(purpose))
	if err != nil {
		return "", fmt.Errorf("seal for %s: %w", purpose, err)
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// ErrUnreadable means that what is sealed was sealed with another key set, for another team or purpose, or is damaged.
var ErrUnreadable = errors.New("the sealed token cannot be opened with the configured key set")

// Open undoes Seal.
func (s *Sealer) Open(team schemas.TeamID, sealed string) (string, error) {
	return s.OpenFor(tokenOf(team), sealed)
}

// OpenFor undoes SealFor.
func (s *Sealer) OpenFor(purpose, sealed string) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return "", ErrUnreadable
	}
	text, err := s.aead.Decrypt(raw, []byte(purpose))
	if err != nil {
		return "", ErrUnreadable
	}
	return string(text), nil
}

func tokenOf(team schemas.TeamID) string { return "backchannel/slack-token/" + string(team) }
