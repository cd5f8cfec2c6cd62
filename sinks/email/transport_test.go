package email

import (
	"errors"
	"fmt"
	"mime"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bigmind/backchannel/schemas"
)

const secret = "hunter2"

func delivery(to string, n int) schemas.Delivery {
	request := schemas.RequestID(fmt.Sprintf("%s-%d", to, n))
	return schemas.Delivery{
		DeliveryID: schemas.NewDeliveryID("acme", request, "", to, schemas.ByEmail), RequestID: request, OrgID: "acme", Type: "meeting_summary",
		Recipient: schemas.Recipient{Email: to}, Email: to, Content: schemas.Content{Title: "Your meeting", Body: secret}, OnAmbiguous: schemas.Repeat,
	}
}

func TestAMailArrives(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	d := delivery("zoe@acme.example", 1)
	d.Content.Title, d.Content.Link = "Zoë & Ünal: „Café“", &schemas.Link{URL: "https://app.example/m/1"}
	if _, err := s.transport(t, time.Minute).Send(t.Context(), &d); err != nil {
		t.Fatal(err)
	}
	mails := s.mails()
	if len(mails) != 1 || mails[0].from != "notifications@bigmind.example" || mails[0].to != "zoe@acme.example" {
		t.Fatalf("mails: %+v", mails)
	}
	text := mails[0].text
	subject, err := new(mime.WordDecoder).DecodeHeader(header(text, "Subject"))
	if err != nil || subject != d.Content.Title {
		t.Errorf("subject %q, %v", subject, err)
	}
	if !strings.Contains(header(text, "Message-ID"), string(d.DeliveryID)) {
		t.Errorf("message id %q", header(text, "Message-ID"))
	}
	if !strings.Contains(text, "https://app.example/m/1") || !strings.Contains(text, secret) {
		t.Errorf("body: %s", text)
	}
}

// What a server may answer, and what it means. No error quotes the server, the address or the text.
func TestWhatServersAnswer(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		prepare func(*server)
		want    error // nil: some other error, which means that the server is away
	}{
		"550 recipient":  {func(s *server) { s.rcpt["zoe@acme.example"] = refusal(550) }, ErrRefused},
		"550 content":    {func(s *server) { s.data["zoe@acme.example"] = refusal(550) }, ErrRefused},
		"554 content":    {func(s *server) { s.data["zoe@acme.example"] = refusal(554) }, ErrRefused},
		"451 recipient":  {func(s *server) { s.rcpt["zoe@acme.example"] = refusal(451) }, ErrBusy},
		"452 content":    {func(s *server) { s.data["zoe@acme.example"] = refusal(452) }, ErrBusy},
		"530 credential": {func(s *server) { s.rcpt["zoe@acme.example"] = refusal(530) }, nil},
		"lost in body":   {func(s *server) { s.drop, s.drops = "body", 1 }, nil},
		"lost after it":  {func(s *server) { s.drop, s.drops = "DATA", 1 }, ErrUnanswered},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			tt.prepare(s)
			d := delivery("zoe@acme.example", 1)
			d.Content.Body = strings.Repeat(secret+"\n", 1400)
			_, err := s.transport(t, time.Minute).Send(t.Context(), &d)
			if err == nil {
				t.Fatal("the mail was said to be sent")
			}
			for _, class := range []error{ErrRefused, ErrBusy, ErrUnanswered} {
				if is := errors.Is(err, class); is != errors.Is(tt.want, class) {
					t.Errorf("%v is %v: %v", err, class, is)
				}
			}
			if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "zoe") || strings.Contains(err.Error(), "127.0.0.1") {
				t.Errorf("the error says too much: %v", err)
			}
		})
	}
}

// A mail that the server took is sent, whatever goes wrong while saying goodbye.
func TestAcceptedIsAccepted(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.drop, s.drops = "RSET", 1
	d := delivery("zoe@acme.example", 1)
	if _, err := s.transport(t, time.Minute).Send(t.Context(), &d); err != nil {
		t.Errorf("got %v", err)
	}
	if len(s.mails()) != 1 {
		t.Errorf("%d mails", len(s.mails()))
	}
}

// A server that does not answer after the mail may have taken it.
func TestASlowServer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.slow = make(chan struct{})
	defer close(s.slow)
	d := delivery("zoe@acme.example", 1)
	if _, err := s.transport(t, 200*time.Millisecond).Send(t.Context(), &d); !errors.Is(err, ErrUnanswered) {
		t.Errorf("got %v", err)
	}
}

func TestAMailThatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	d := delivery("zoe@acme.example", 1)
	d.Content.Body = strings.Repeat("x", 100<<10)
	if _, err := s.transport(t, time.Minute).Send(t.Context(), &d); !errors.Is(err, ErrRefused) {
		t.Errorf("got %v", err)
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	tr, err := NewSMTP("smtp://user:"+secret+"@127.0.0.1:1", "a@b.example")
	if err != nil {
		t.Fatal(err)
	}
	d := delivery("zoe@acme.example", 1)
	_, err = tr.Send(t.Context(), &d)
	if err == nil || errors.Is(err, ErrRefused) || errors.Is(err, ErrUnanswered) || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("got %v", err)
	}
}

func TestAddressesOfServers(t *testing.T) {
	for _, bad := range []string{"", "localhost:25", "http://x", "smtp://", "smtp://x:" + secret, "smtp://u:" + secret + "@:25"} {
		if _, err := NewSMTP(bad, "a@b.example"); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := NewSMTP("smtp://x", "nobody"); err == nil {
		t.Error("a sender that is no address was taken")
	}
	for _, good := range []string{"smtp://x", "smtps://u:p@x:465", "smtp://x:587?tls=required"} {
		if _, err := NewSMTP(good, "Bigmind <a@b.example>"); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}

// No title, name or address can add a header, a recipient or a line of SMTP.
func TestNothingCanAddAHeader(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	tr := s.transport(t, time.Minute)
	for _, title := range []string{"Hi\r\nBcc: eve@evil.example", "Hi\nX-Evil: 1\n\nbody", "Hi\r\n\r\n.\r\nMAIL FROM:<x>", "Hi\rX-Evil: 1", "Hi\u2028X-Evil: 1\x00"} {
		d := delivery("zoe@acme.example", 1)
		d.Content.Title = title
		d.Content.Body = "one\r\n.\r\nRCPT TO:<eve@evil.example>\r\n"
		if _, err := tr.Send(t.Context(), &d); err != nil && !errors.Is(err, ErrRefused) {
			t.Errorf("%q: %v", title, err)
		}
	}
	for _, m := range s.mails() {
		if m.to != "zoe@acme.example" || header(m.text, "Bcc") != "" || header(m.text, "X-Evil") != "" || strings.Contains(header(m.text, "To"), "eve") {
			t.Errorf("mail to %s: %q", m.to, m.text)
		}
		if !strings.Contains(m.text, "RCPT TO") {
			t.Errorf("the body was cut: %q", m.text)
		}
	}
	for _, to := range []string{"zoe@acme.example\r\nBcc: eve@evil.example", "zoe@acme.example, eve@evil.example", "zoe@acme.example>\r\nRCPT TO:<eve@evil.example", "zoe"} {
		d := delivery(to, 1)
		if _, err := tr.Send(t.Context(), &d); !errors.Is(err, ErrRefused) || strings.Contains(err.Error(), "eve") {
			t.Errorf("%q: %v", to, err)
		}
	}
	for _, m := range s.mails() {
		if strings.Contains(m.to, "eve") {
			t.Errorf("a mail went to %s", m.to)
		}
	}
}

// Without a mail server mails are files; the same delivery again is the same file.
func TestOutbox(t *testing.T) {
	t.Parallel()
	o := Outbox{Dir: filepath.Join(t.TempDir(), "out", "box"), From: "a@b.example"}
	d := delivery("zoe@acme.example", 1)
	for range 2 {
		if _, err := o.Send(t.Context(), &d); err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir(o.Dir)
	if err != nil || len(files) != 1 || files[0].Name() != string(d.DeliveryID)+".eml" {
		t.Fatalf("files %v, %v", files, err)
	}
	text, err := os.ReadFile(filepath.Join(o.Dir, files[0].Name()))
	if err != nil || !strings.Contains(string(text), "Subject: Your meeting") || !strings.Contains(string(text), secret) {
		t.Errorf("the file says %s, %v", text, err)
	}
	if info, err := files[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file may be read by %v, %v", info.Mode(), err)
	}
	d.Email = "nobody"
	if _, err := o.Send(t.Context(), &d); !errors.Is(err, ErrRefused) {
		t.Errorf("got %v", err)
	}
}
