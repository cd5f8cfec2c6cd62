package doctor

import "context"

// mail connects to the mail server and authenticates, without sending anything.
func (d *Doctor) mail(ctx context.Context) {
	if d.Mail == nil {
		if d.MailIs != "" {
			d.pass("mail", "server", d.MailIs)
			return
		}
		d.unknown("mail", "server", "No mail server is configured: nothing comes by email.", "Set smtp-url, or leave the component email out.")
		return
	}
	ctx, cancel := d.bounded(ctx)
	defer cancel()
	if err := d.Mail.Probe(ctx); err != nil {
		d.fail("mail", "server", "", capital(reason(err))+".", "Mend smtp-url: smtp://user:password@host:port, or smtps://…")
		return
	}
	d.pass("mail", "server", "The mail server answers, and takes our credentials where there are some.")
}
