package email

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/bigmind/backchannel/schemas"
)

// sendTimeout bounds connecting and authenticating, and then again the exchange about the mail: together less than
// attemptTimeout. Servers that scan a mail before they answer take their time.
const sendTimeout = time.Minute

// SMTP sends through a mail server.
type SMTP struct {
	client *mail.Client
	from   string
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

// Send hands the mail to the server.
func (s *SMTP) Send(ctx context.Context, d *schemas.Delivery) error {
	msg, err := message(s.from, d)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	err = s.client.DialAndSendWithContext(ctx, msg)
	if err == nil || msg.IsDelivered() {
		return nil // the server took it: what went wrong while saying goodbye is no reason to send it again
	}
	failed, ok := errors.AsType[*mail.SendError](err)
	switch {
	case !ok:
		return errors.New("the mail server does not answer") // dialing failed: the library's error may quote the address
	case failed.Reason == mail.ErrSMTPDataClose && failed.ErrorCode() == 0:
		return ErrUnanswered
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

func message(from string, d *schemas.Delivery) (*mail.Msg, error) {
	msg := mail.NewMsg()
	if err := msg.From(from); err != nil {
		return nil, errors.New("the sender address is not valid")
	}
	if err := msg.To(d.Email); err != nil {
		return nil, errors.New("the recipient address is not valid")
	}
	msg.SetMessageIDWithValue(string(d.DeliveryID) + "@backchannel")
	msg.SetDate()
	msg.Subject(d.Content.Title)
	body := d.Content.Body
	if d.Content.Link != nil {
		body = strings.TrimSpace(body + "\n\n" + d.Content.Link.URL)
	}
	msg.SetBodyString(mail.TypeTextPlain, body)
	return msg, nil
}

// Outbox writes mails into a folder, one .eml file each: what the embedded mode does, where there is no mail server.
type Outbox struct {
	Dir  string
	From string
}

// Send writes the file under the delivery's id; the same delivery again is the same file.
func (o Outbox) Send(_ context.Context, d *schemas.Delivery) error {
	msg, err := message(o.From, d)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	var out bytes.Buffer
	if _, err := msg.WriteTo(&out); err != nil {
		return fmt.Errorf("write the mail: %w", err)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return fmt.Errorf("make the outbox: %w", err)
	}
	if err := os.WriteFile(filepath.Join(o.Dir, string(d.DeliveryID)+".eml"), out.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write the mail: %w", err)
	}
	return nil
}
