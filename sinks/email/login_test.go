package email

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

const user = "backchannel"

// AuthMechanisms and Auth make the session one that wants to know who sends.
func (s *session) AuthMechanisms() []string { return s.mechanisms }

func (s *session) Auth(mechanism string) (sasl.Server, error) {
	if mechanism == "LOGIN" {
		return &login{check: s.check}, nil
	}
	return sasl.NewPlainServer(func(_, name, password string) error { return s.check(name, password) }), nil
}

func (s *session) check(name, password string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, encrypted := s.conn.TLSConnectionState()
	said := name + " " + password
	if !encrypted {
		said += " in the clear"
	}
	s.said = append(s.said, said)
	if name != user || password != secret {
		return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "no such user or password: " + password}
	}
	return nil
}

// login is the server's side of LOGIN, which Outlook's servers have instead of PLAIN (draft-murchison-sasl-login).
type login struct {
	check func(name, password string) error
	step  int
	name  string
}

func (l *login) Next(response []byte) (challenge []byte, done bool, err error) {
	l.step++
	switch l.step {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		l.name = string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.name, string(response))
}

// certificate makes one for 127.0.0.1, and the pool that trusts it.
func certificate(t *testing.T) (server *tls.Config, trust *x509.CertPool) {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	srv.StartTLS()
	defer srv.Close()
	trust = x509.NewCertPool()
	trust.AddCert(srv.Certificate())
	return &tls.Config{Certificates: srv.TLS.Certificates, MinVersion: tls.VersionTLS12}, trust
}

// Encrypted, from the start or by STARTTLS, and logged in, by whichever way the server has.
func TestEncryptedAndLoggedIn(t *testing.T) {
	t.Parallel()
	encrypted, trust := certificate(t)
	for name, tt := range map[string]struct {
		scheme, query string
		mechanisms    []string
	}{
		"STARTTLS, PLAIN":           {"smtp", "", []string{"PLAIN"}},
		"STARTTLS, LOGIN":           {"smtp", "?tls=required", []string{"LOGIN"}},
		"TLS from the start, PLAIN": {"smtps", "", []string{"LOGIN", "PLAIN"}},
		"TLS from the start, LOGIN": {"smtps", "", []string{"LOGIN"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServerWith(t, encrypted, tt.scheme == "smtps", tt.mechanisms...)
			tr := trusting(t, tt.scheme+"://"+user+":"+secret+"@"+s.addr+tt.query, trust)
			d := delivery("zoe@acme.example", 1)
			reply, err := tr.Send(t.Context(), &d)
			if err != nil || !strings.HasPrefix(reply, "2.0.0 OK") {
				t.Fatalf("%q, %v", reply, err)
			}
			if len(s.mails()) != 1 || len(s.said) != 1 || s.said[0] != user+" "+secret {
				t.Errorf("%d mails; it was said %q", len(s.mails()), s.said)
			}
		})
	}
}

func trusting(t *testing.T, address string, trust *x509.CertPool) *SMTP {
	t.Helper()
	tr, err := newSMTP(address, "notifications@bigmind.example", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if trust != nil {
		if err := tr.client.SetTLSConfig(&tls.Config{RootCAs: trust, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}); err != nil {
			t.Fatal(err)
		}
	}
	return tr
}

// What is wrong between us and the server is said, is no fault of the mail, which waits, and shows the password to nobody.
func TestWhatIsWrongWithTheServer(t *testing.T) {
	t.Parallel()
	encrypted, trust := certificate(t)
	for name, tt := range map[string]struct {
		encrypted  *tls.Config
		trust      *x509.CertPool
		mechanisms []string
		password   string
		query      string
		want       string
	}{
		"another password":               {encrypted, trust, []string{"PLAIN"}, "hunter3", "", "other credentials or encryption: code 535"},
		"another password, LOGIN":        {encrypted, trust, []string{"LOGIN"}, "hunter3", "", "other credentials or encryption: code 535"},
		"nobody vouches for it":          {encrypted, nil, []string{"PLAIN"}, secret, "", "certificate"},
		"TLS is required, it has none":   {nil, trust, []string{"PLAIN"}, secret, "?tls=required", "tls=required"},
		"it would see the password":      {nil, trust, []string{"PLAIN", "LOGIN"}, secret, "", "it needs TLS"},
		"it does not know how to log in": {encrypted, trust, nil, secret, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServerWith(t, tt.encrypted, false, tt.mechanisms...)
			tr := trusting(t, "smtp://"+user+":"+tt.password+"@"+s.addr+tt.query, tt.trust)
			d := delivery("zoe@acme.example", 1)
			_, err := tr.Send(t.Context(), &d)
			if err == nil || errors.Is(err, ErrRefused) || errors.Is(err, ErrBusy) || errors.Is(err, ErrUnanswered) || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if text := err.Error(); strings.Contains(text, "hunter") || strings.Contains(text, user) || strings.Contains(text, "127.0.0.1") {
				t.Errorf("the error says too much: %v", err)
			}
			if len(s.mails()) != 0 || strings.Contains(strings.Join(s.said, ","), "in the clear") {
				t.Errorf("%d mails; it was said %q", len(s.mails()), s.said)
			}
		})
	}
}

// An outcome says how often the mail was handed over and what the server said to it: when it took the mail in its words, when not by its codes.
func TestOutcomesSayWhatTheServerSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.define().Sink
	d, refused := delivery("zoe@acme.example", 1), delivery("yan@acme.example", 2)
	w.srv.rcpt[d.Email] = refusal(451)
	for range 2 {
		if got := w.write(s, rec(t, d)); len(got.Deferred) != 1 {
			t.Fatalf("a mail that the server wants later: %+v", got)
		}
		w.advance(lastRetry)
	}
	w.srv.mu.Lock()
	delete(w.srv.rcpt, d.Email)
	w.srv.rcpt[refused.Email] = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no " + secret}
	w.srv.mu.Unlock()
	w.write(s, rec(t, d), rec(t, refused))
	got := w.take()
	if len(got) != 2 || got[0].Attempts != 3 || !strings.HasPrefix(got[0].Reply, "2.0.0 OK") {
		t.Fatalf("outcomes %+v", got)
	}
	if got[1].Attempts != 1 || got[1].Reply != "550 5.1.1" {
		t.Errorf("refused: %+v", got[1])
	}
}
