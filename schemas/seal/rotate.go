package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/bigmind/backchannel/schemas"
)

// The steps of a rotation, each a new key set for every process before the next. A process opens with every key of its set, so whatever seals with a key has to come after
// whatever opens with it: AddKey everywhere, then Promote everywhere, then everything is sealed anew, then OnlyPrimary.

// AddKey adds a key that opens, and does not seal yet.
func AddKey(keySet []byte) ([]byte, error) {
	return changed(keySet, func(m *keyset.Manager, _ *keyset.Handle) error {
		_, err := m.Add(aead.AES256GCMKeyTemplate())
		return err
	})
}

// Promote makes the key that was added last the one that seals.
func Promote(keySet []byte) ([]byte, error) {
	return changed(keySet, func(m *keyset.Manager, h *keyset.Handle) error {
		keys := h.KeysetInfo().GetKeyInfo()
		last := keys[len(keys)-1].GetKeyId()
		if last == h.KeysetInfo().GetPrimaryKeyId() {
			return errors.New("the key that was added last seals already: add one first")
		}
		return m.SetPrimary(last)
	})
}

// OnlyPrimary leaves the key that seals alone in the set. What another one sealed does not open any more.
func OnlyPrimary(keySet []byte) ([]byte, error) {
	return changed(keySet, func(m *keyset.Manager, h *keyset.Handle) error {
		for _, k := range h.KeysetInfo().GetKeyInfo() {
			if k.GetKeyId() != h.KeysetInfo().GetPrimaryKeyId() {
				if err := m.Delete(k.GetKeyId()); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func changed(keySet []byte, change func(*keyset.Manager, *keyset.Handle) error) ([]byte, error) {
	if _, err := New(keySet); err != nil {
		return nil, err
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(keySet)))
	if err != nil {
		return nil, errors.New("the token key set is not a Tink key set in JSON") // the original may quote it
	}
	manager := keyset.NewManagerFromHandle(handle)
	if err := change(manager, handle); err != nil {
		return nil, fmt.Errorf("change the token key set: %w", err)
	}
	if handle, err = manager.Handle(); err != nil {
		return nil, fmt.Errorf("change the token key set: %w", err)
	}
	var out bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&out)); err != nil {
		return nil, fmt.Errorf("write a token key set: %w", err)
	}
	return out.Bytes(), nil
}

// Current reports whether what is sealed was sealed with the key that seals now. Tink's ciphertexts begin with a byte 1 and their key's id
// (developers.google.com/tink/wire-format).
func (s *Sealer) Current(sealed string) bool {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	return err == nil && len(raw) > 5 && raw[0] == 1 && binary.BigEndian.Uint32(raw[1:5]) == s.primary
}

// Again seals anew what any key of the set opens.
func (s *Sealer) Again(team schemas.TeamID, sealed string) (string, error) {
	token, err := s.Open(team, sealed)
	if err != nil {
		return "", err
	}
	return s.Seal(team, token)
}
