package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/mac"
)

const token = "xoxb-2345-s3cret-token"

func sealer(t *testing.T, keySet []byte) *Sealer {
	t.Helper()
	s, err := New(keySet)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newKeySet(t *testing.T) []byte {
	t.Helper()
	keySet, err := NewKeySet()
	if err != nil {
		t.Fatal(err)
	}
	return keySet
}

func seal(t *testing.T, s *Sealer) string {
	t.Helper()
	sealed, err := s.Seal("T1", token)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestSealedTokensOpenForTheirTeamOnly(t *testing.T) {
	s := sealer(t, newKeySet(t))
	sealed := seal(t, s)
	if strings.Contains(sealed, token) || strings.Contains(sealed, base64.RawURLEncoding.EncodeToString([]byte(token))) {
		t.Error("the sealed token has the token in it")
	}
	if again := seal(t, s); again == sealed {
		t.Error("sealing twice gives the same text: the nonce repeats")
	}
	if got, err := s.Open("T1", sealed); err != nil || got != token {
		t.Errorf("%q, %v", got, err)
	}
	if empty, err := s.Seal("T1", ""); err != nil {
		t.Error(err)
	} else if got, err := s.Open("T1", empty); err != nil || got != "" {
		t.Errorf("%q, %v", got, err)
	}
}

// Copied to another team, sealed with another key, damaged anywhere, cut, or no sealed token at all: it does not open, and
// the error quotes neither it nor the token.
func TestWhatDoesNotOpen(t *testing.T) {
	s := sealer(t, newKeySet(t))
	sealed := seal(t, s)
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		t.Fatal(err)
	}
	refuse := func(what string, s *Sealer, team, sealed string) {
		t.Helper()
		got, err := s.Open("T"+"1", sealed)
		if team != "T1" {
			got, err = s.Open("T2", sealed)
		}
		if !errors.Is(err, ErrUnreadable) || got != "" {
			t.Errorf("%s: %q, %v", what, got, err)
		}
		if err != nil && (strings.Contains(err.Error(), token) || sealed != "" && strings.Contains(err.Error(), sealed)) {
			t.Errorf("%s: the error quotes it", what)
		}
	}
	refuse("another team", s, "T2", sealed)
	refuse("another key set", sealer(t, newKeySet(t)), "T1", sealed)
	refuse("the token itself", s, "T1", token)
	refuse("nothing", s, "T1", "")
	refuse("no base64", s, "T1", "ß")
	for i := range raw {
		damaged := bytes.Clone(raw)
		damaged[i] ^= 1
		refuse(fmt.Sprintf("byte %d damaged", i), s, "T1", base64.RawURLEncoding.EncodeToString(damaged))
		refuse(fmt.Sprintf("cut at %d", i), s, "T1", base64.RawURLEncoding.EncodeToString(raw[:i]))
	}
}

// A key is rotated by adding one as primary: old tokens open, new ones are sealed with it, and once the old key is gone
// only new ones open.
func TestKeyRotation(t *testing.T) {
	former := newKeySet(t)
	before := seal(t, sealer(t, former))

	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(former)))
	if err != nil {
		t.Fatal(err)
	}
	manager := keyset.NewManagerFromHandle(handle)
	added, err := manager.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	if err := manager.SetPrimary(added); err != nil {
		t.Fatal(err)
	}
	both := sealer(t, written(t, manager))
	after := seal(t, both)
	for _, sealed := range []string{before, after} {
		if got, err := both.Open("T1", sealed); err != nil || got != token {
			t.Errorf("with both keys: %q, %v", got, err)
		}
	}
	if _, err := sealer(t, former).Open("T1", after); !errors.Is(err, ErrUnreadable) {
		t.Errorf("the former key opens what was sealed after the rotation: %v", err)
	}
	if err := manager.Delete(handle.KeysetInfo().GetPrimaryKeyId()); err != nil {
		t.Fatal(err)
	}
	alone := sealer(t, written(t, manager))
	if got, err := alone.Open("T1", after); err != nil || got != token {
		t.Errorf("with the new key alone: %q, %v", got, err)
	}
	if _, err := alone.Open("T1", before); !errors.Is(err, ErrUnreadable) {
		t.Errorf("what was sealed with the deleted key still opens: %v", err)
	}
}

func written(t *testing.T, manager *keyset.Manager) []byte {
	t.Helper()
	handle, err := manager.Handle()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&out)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// What is no key set is refused in a sentence that says what to do and quotes nothing.
func TestNewRefusesWhatIsNoKeySet(t *testing.T) {
	manager := keyset.NewManager()
	id, err := manager.Add(mac.HMACSHA256Tag128KeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	if err := manager.SetPrimary(id); err != nil {
		t.Fatal(err)
	}
	for name, keySet := range map[string][]byte{
		"nothing": nil, "no JSON": []byte("s3cret"), "JSON": []byte(`{"s3cret":1}`), "an empty set": []byte(`{"primaryKeyId":1,"key":[]}`),
		"keys of another kind": written(t, manager),
	} {
		s, err := New(keySet)
		if err == nil || s != nil || !strings.Contains(err.Error(), "backchannel seal --new-key-set") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
}

// However somebody prints a sealer, no key is in it.
func TestASealerPrintsNoKey(t *testing.T) {
	keySet := newKeySet(t)
	s := sealer(t, keySet)
	_, rest, _ := strings.Cut(string(keySet), `"value":"`)
	key, _, found := strings.Cut(rest, `"`)
	if !found || len(key) < 40 {
		t.Fatalf("the test does not find the key in the key set")
	}
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	secret := raw[len(raw)-32:]
	for _, printed := range []string{fmt.Sprint(s), fmt.Sprintf("%+v", s), fmt.Sprintf("%#v", s), fmt.Sprintf("%x", fmt.Sprintf("%+v", *s))} {
		for _, form := range []string{string(secret), key, hex.EncodeToString(secret), strings.Trim(fmt.Sprintf("%d", secret), "[]")} {
			if strings.Contains(printed, form) {
				t.Errorf("printed, a sealer shows its key: %.200s", printed)
			}
		}
	}
}
