package email

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks/content"
)

// sendTimeout bounds connecting and authenticating, and then again the exchange about the mail: together less than
// attemptTimeout. Servers that scan a mail before they answer take their time.
const sendTimeout = time.Minute

// SMTP sends through a mail server.
type SMTP struct {
	// SettingsURL is where people choose what to receive: every mail links to it, and mail clients offer it as the way to
	// unsubscribe. Empty: neither.
	SettingsURL string

	client *mail.Client
	from   string

	mu   sync.Mutex
	conn *smtp.Client // nil: none is open
}

// NewSMTP reads smtp://user:password@host:port, with smtps:// for TLS from the start. smtp:// uses STARTTLS when the
// server offers it, and must when ?tls=required. Errors never quote the URL.
func NewSMTP(address, from string) (*SMTP, error) { return newSMTP(address, from, sendTimeout) }

func newSMTP(address, from string, timeout time.Duration) (*SMTP, error) {
	if err := mail.NewMsg().From(from); err != nil {
		return nil, errors.New("the sender address is not valid: give one such as notifications@example.com")
	}
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" {
		return nil, errors.New("the mail server must be given as smtp://user:password@host:port or smtps://…")
	}
	opts := []mail.Option{mail.WithTimeout(timeout), mail.WithTLSPolicy(mail.TLSOpportunistic)}
	if u.Query().Get("tls") == "required" {
		opts = append(opts, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if u.Scheme == "smtps" {
		opts = append(opts, mail.WithSSL())
	}
	if port := u.Port(); port != "" {
		n, err := strconv.Atoi(port)
		if err != nil {
			return nil, errors.New("the mail server's port is not a number")
		}
		opts = append(opts, mail.WithPort(n))
	}
	if u.User != nil {
		password, _ := u.User.Password()
		opts = append(opts, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(u.User.Username()), mail.WithPassword(password))
	}
	client, err := mail.NewClient(u.Hostname(), opts...)
	if err != nil {
		return nil, fmt.Errorf("set up the mail client: %w", err)
	}
	return &SMTP{client: client, from: from}, nil
}

// Send hands the mail to the server, over the connection that is open, or over a new one. Mails go one after another. The reply is
// what the server said when it took the mail; of a refusal only the codes.
func (s *SMTP) Send(ctx context.Context, d *schemas.Delivery) (reply string, err error) {
	msg, err := message(s.from, s.SettingsURL, d)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrRefused, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	err = s.exchange(ctx, msg)
	if err != nil && !msg.IsDelivered() {
		return codes(err), s.judge(err)
	}
	return content.Cut(content.Line(msg.ServerResponse()), maxReply), nil // accepted: what goes wrong after it is no reason to send it again
}

// Probe connects and authenticates, and sends nothing. The error says which of the two failed, and never quotes the URL.
func (s *SMTP) Probe(ctx context.Context) error {
	conn, err := s.client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		refused, answered := errors.AsType[*textproto.Error](err)
		switch {
		case errors.Is(err, mail.ErrNoSupportedAuthDiscovered):
			return errors.New("the mail server offers no way to log in that is safe on this connection: use smtps://, or have it offer STARTTLS")
		case !answered:
			return errAway // the library's error may quote the address
		case ourFault[refused.Code]:
			return fmt.Errorf("the mail server refuses the user name or password: code %d", refused.Code)
		}
		return fmt.Errorf("the mail server refuses us: code %d", refused.Code)
	}
	_ = s.client.CloseWithSMTPClient(conn) // nothing is pending on it
	return nil
}

// exchange sends over the connection that stands. When that turns out to be closed, before anything was said, it is opened
// anew, once.
func (s *SMTP) exchange(ctx context.Context, msg *mail.Msg) error {
	for {
		fresh := s.conn == nil
		if fresh {
			conn, err := s.client.DialToSMTPClientWithContext(ctx)
			if err != nil {
				return err
			}
			s.conn = conn
		}
		err := s.client.SendWithSMTPClient(s.conn, msg)
		failed, ok := errors.AsType[*mail.SendError](err)
		if err == nil || ok && failed.ErrorCode() != 0 && failed.ErrorCode() != codeClosing && failed.Reason != mail.ErrConnCheck {
			return err // an answer about this mail: the connection is good
		}
		_ = s.client.CloseWithSMTPClient(s.conn) // it is broken
		s.conn = nil
		if fresh || !ok || failed.Reason != mail.ErrConnCheck {
			return err
		}
	}
}

// codeClosing is what a server says that is about to close the connection (RFC 5321, 4.2.1).
const codeClosing = 421

// maxReply bounds what is kept of a server's answer.
const maxReply = 200

var errAway = errors.New("the mail server does not answer")

// unconnected says what to mend when there is no connection to send over. The library's error may quote the address.
func unconnected(err error) error {
	if answer, is := errors.AsType[*textproto.Error](err); is && ourFault[answer.Code] {
		return fmt.Errorf("the mail server wants other credentials or encryption: code %d", answer.Code)
	}
	if _, is := errors.AsType[*tls.CertificateVerificationError](err); is {
		return errors.New("the mail server's certificate is not one that is trusted here")
	}
	switch {
	case errors.Is(err, mail.ErrNoSupportedAuthDiscovered):
		return errors.New("the mail server has no way to log in that would keep the password to itself: it needs TLS")
	case strings.Contains(err.Error(), "does not support STARTTLS"): // the library has no error for it
		return errors.New("the mail server has no STARTTLS, and tls=required wants it")
	}
	return errAway
}

// codes are what is kept of a refusal, such as '550 5.1.1': its words may quote the mail.
func codes(err error) string {
	failed, ok := errors.AsType[*mail.SendError](err)
	if !ok || failed.ErrorCode() == 0 {
		return ""
	}
	return strings.TrimSpace(strconv.Itoa(failed.ErrorCode()) + " " + failed.EnhancedStatusCode())
}

func (s *SMTP) judge(err error) error {
	failed, ok := errors.AsType[*mail.SendError](err)
	switch {
	case !ok:
		return unconnected(err)
	case failed.Reason == mail.ErrSMTPDataClose && failed.ErrorCode() == 0:
		return ErrUnanswered
	case failed.ErrorCode() == codeClosing:
		return fmt.Errorf("the mail server closes connections: code %d", codeClosing)
	case ourFault[failed.ErrorCode()]:
		return fmt.Errorf("the mail server wants other credentials or encryption: code %d", failed.ErrorCode())
	case failed.ErrorCode() >= 500:
		return fmt.Errorf("%w: code %d", ErrRefused, failed.ErrorCode())
	case failed.ErrorCode() >= 400:
		return fmt.Errorf("%w: code %d", ErrBusy, failed.ErrorCode())
	}
	return errors.New("the connection to the mail server was lost")
}

// ourFault are refusals that are not about a mail but about how we are configured (RFC 4954): every mail would meet them,
// so they wait to be mended.
var ourFault = map[int]bool{530: true, 534: true, 535: true, 538: true}

// Outbox writes mails into a folder, one .eml file each: what the embedded mode does, where there is no mail server.
type Outbox struct {
	Dir         string
	From        string
	SettingsURL string
}

// Send writes the file under the delivery's id; the same delivery again is the same file.
func (o Outbox) Send(_ context.Context, d *schemas.Delivery) (reply string, err error) {
	msg, err := message(o.From, o.SettingsURL, d)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrRefused, err)
	}
	var out bytes.Buffer
	if _, err := msg.WriteTo(&out); err != nil {
		return "", fmt.Errorf("write the mail: %w", err)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return "", fmt.Errorf("make the outbox: %w", err)
	}
	if err := os.WriteFile(filepath.Join(o.Dir, string(d.DeliveryID)+".eml"), out.Bytes(), 0o600); err != nil {
		return "", fmt.Errorf("write the mail: %w", err)
	}
	return "", nil
}
