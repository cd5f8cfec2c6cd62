//go:build real || faults

package e2e

import (
	"io"
	"net"
	"testing"

	"github.com/emersion/go-smtp"
)

// startMail is a mail server that takes everything.
func startMail(t *testing.T) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return mailbox{}, nil }))
	server.Domain = "localhost"
	go func() { _ = server.Serve(ln) }() // ends with Close
	t.Cleanup(func() { _ = server.Close() })
	return ln.Addr().String()
}

type mailbox struct{}

func (mailbox) Reset()                               {}
func (mailbox) Logout() error                        { return nil }
func (mailbox) Mail(string, *smtp.MailOptions) error { return nil }
func (mailbox) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (mailbox) Data(r io.Reader) error               { _, err := io.Copy(io.Discard, r); return err }
