package email

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// server is a mail server that does as it is told.
type server struct {
	addr string

	mu       sync.Mutex
	accepted []mailed
	// rcpt and data answer the commands by recipient; nil is 250.
	rcpt, data map[string]error
	// drop loses the connection: "DATA" after the mail was accepted but before that is said, "RSET" after it was said,
	// "body" in the middle of the mail.
	drop  string
	drops int // how often; then it behaves
	slow  chan struct{}
	conns []*smtp.Conn

	mechanisms []string // AUTH; nil: none
	said       []string // what clients sent to log in with
}

type mailed struct{ from, to, text string }

func newServer(t *testing.T) *server {
	t.Helper()
	return newServerWith(t, nil, false)
}

// newServerWith makes one with STARTTLS, when it has a certificate, or with TLS from the start.
func newServerWith(t *testing.T, encrypted *tls.Config, fromTheStart bool, mechanisms ...string) *server {
	t.Helper()
	s := &server{rcpt: map[string]error{}, data: map[string]error{}, mechanisms: mechanisms}
	srv := smtp.NewServer(s)
	srv.AllowInsecureAuth, srv.Domain, srv.MaxMessageBytes, srv.TLSConfig = true, "localhost", 64<<10, encrypted
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = ln.Addr().String()
	if fromTheStart {
		ln = tls.NewListener(ln, encrypted)
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	t.Cleanup(func() {
		_ = srv.Close()
		if err := <-done; err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	return s
}

// NewSession makes the server its own backend.
func (s *server) NewSession(c *smtp.Conn) (smtp.Session, error) {
	s.mu.Lock()
	s.conns = append(s.conns, c)
	s.mu.Unlock()
	return &session{server: s, conn: c}, nil
}

func (s *server) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// hangUp closes the connections that stand, as servers do with idle ones.
func (s *server) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		_ = c.Conn().Close()
	}
}

func (s *server) mails() []mailed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]mailed(nil), s.accepted...)
}

func (s *server) losing(where string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.drop != where || s.drops == 0 {
		return false
	}
	s.drops--
	return true
}

type session struct {
	*server
	conn     *smtp.Conn
	from, to string
	given    bool
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error { s.from = from; return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rcpt[to]
}

func (s *session) Data(r io.Reader) error {
	if s.losing("body") {
		_ = s.conn.Conn().Close()
		return errors.New("lost")
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	refusal, slow := s.data[s.to], s.slow
	if refusal == nil {
		s.accepted = append(s.accepted, mailed{s.from, s.to, string(text)})
	}
	s.mu.Unlock()
	if slow != nil {
		<-slow
	}
	if s.losing("DATA") {
		_ = s.conn.Conn().Close()
	}
	s.given = true
	return refusal
}

func (s *session) Reset() {
	if s.given && s.losing("RSET") {
		_ = s.conn.Conn().Close()
	}
}

func (s *session) Logout() error { return nil }

func refusal(code int) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 0, 0}, Message: "no, " + secret}
}

func (s *server) transport(t *testing.T, timeout time.Duration) *SMTP {
	t.Helper()
	tr, err := newSMTP("smtp://"+s.addr, "notifications@bigmind.example", timeout)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// header returns a header of a mail, unfolded.
func header(text, name string) string {
	head, _, _ := strings.Cut(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n")
	head = strings.ReplaceAll(head, "\n ", " ")
	for line := range strings.SplitSeq(head, "\n") {
		if value, ok := strings.CutPrefix(line, name+": "); ok {
			return value
		}
	}
	return ""
}
