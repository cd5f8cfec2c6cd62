package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/spf13/cobra"
)

// forever is since when messages are exported, unless it is said.
const forever = "1970-01-01"

// exportFlags are what 'export' was asked.
type exportFlags struct{ org, account, since, format, out string }

func exportCommand(a *app) *cobra.Command {
	f := exportFlags{}
	cmd := &cobra.Command{
		Use: "export --account A [--org O] [--since D]", Short: "Write an account's conversations to a file, as JSON lines or Parquet", Args: cobra.NoArgs,
		Long: `Write an account's conversations to a file, as JSON lines or Parquet: every message as it reads now, in the order in which they were said. The columns
are those of the view conversations. The file appears when it is complete.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conn, err := clickhouseConn(a.config)
			if err != nil {
				return err
			}
			defer func() { _ = conn.Close() }() // nothing is pending on it
			return f.export(cmd, conn)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.account, "account", "", "account id")
	flags.StringVar(&f.org, "org", "", "organization; may be left out when only one has the account")
	flags.StringVar(&f.since, "since", forever, "from this day or time on, such as 2026-09-01")
	flags.StringVar(&f.format, "format", "json", "json (an object a line) or parquet")
	flags.StringVar(&f.out, "out", "", "file to write; -: standard output (default: the account's id with .jsonl or .parquet)")
	return cmd
}

func (f *exportFlags) export(cmd *cobra.Command, conn clickhouse.Conn) error {
	ctx := clickhouse.Context(cmd.Context(), clickhouse.WithSettings(exact))
	switch {
	case f.account == "":
		return errors.New("--account is missing: name the account by its id")
	case f.format != "json" && f.format != "parquet":
		return fmt.Errorf("--format is %q; want json or parquet", f.format)
	}
	name := filepath.Base(f.account) + map[string]string{"json": ".jsonl", "parquet": ".parquet"}[f.format]
	path := cmp.Or(f.out, name)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("%s is a folder: name a file, such as %s", path, filepath.Join(path, name))
	}
	since, err := parseDate(f.since)
	if err != nil {
		return err
	}
	if err := f.findOrg(ctx, conn); err != nil {
		return err
	}
	const from = " FROM account_conversations(org = {org:String}, account = {account:String}) WHERE ts_time >= {since:DateTime64(6, 'UTC')}"
	params := clickhouse.WithParameters(parameters(map[string]string{"org": f.org, "account": f.account, "since": since.Format("2006-01-02 15:04:05.999999")}))
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(exact), params)
	var total uint64
	if err := conn.QueryRow(ctx, "SELECT count()"+from).Scan(&total); err != nil {
		return fmt.Errorf("count the messages: %w", err)
	}
	shown, written := progressOf(cmd.ErrOrStderr(), total, "written"), uint64(0)
	write := func(out io.Writer) error {
		return ask(ctx, conn, "SELECT *"+from+" ORDER BY ts_time, team_id, channel_id", f.format, out, func(done uint64) {
			written = done
			shown(done)
		})
	}
	if f.out == "-" {
		err = write(cmd.OutOrStdout())
	} else {
		err = whole(path, write)
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(cmd.ErrOrStderr(), f.summary(written, path))
	return nil
}

// summary says what was written, which may be more than was counted before.
func (f *exportFlags) summary(written uint64, path string) string {
	since := ""
	if f.since != forever {
		since = " since " + f.since
	}
	where := path
	if f.out == "-" {
		where = "standard output"
	}
	if written == 0 {
		return fmt.Sprintf("no message of %s%s: nothing was said in its channels, or nothing is kept; %s is empty", f.account, since, where)
	}
	return fmt.Sprintf("%s of %s%s: %s", counted(written, "message"), f.account, since, where)
}

// findOrg finds the organization of the account, and that the one that was named has it: an empty file must not take the place of a good one.
func (f *exportFlags) findOrg(ctx context.Context, conn clickhouse.Conn) error {
	var orgs []string
	err := conn.QueryRow(ctx, `SELECT groupUniqArray(2)(org_id) FROM (SELECT org_id, account_id FROM current_associations UNION ALL SELECT org_id, account_id FROM accounts)
WHERE account_id = ? AND (org_id = ? OR ? = '')`, f.account, f.org, f.org).Scan(&orgs)
	switch {
	case err != nil:
		return fmt.Errorf("look for the account: %w", err)
	case len(orgs) == 0 && f.org != "":
		return fmt.Errorf("the organization %s has no account %s, and no channel of it is associated with one; no file was written", f.org, f.account)
	case len(orgs) == 0:
		return fmt.Errorf("there is no account %s, and no channel is associated with it", f.account)
	case len(orgs) > 1:
		return fmt.Errorf("several organizations have an account %s: name one with --org", f.account)
	}
	f.org = orgs[0]
	return nil
}

// whole writes a file that is there when it is complete, and else is not.
func whole(path string, write func(io.Writer) error) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("make the file: %w", err)
	}
	defer func() {
		if err != nil {
			_ = file.Close() // it may be closed already; the first error is the one to tell
			_ = os.Remove(file.Name())
		}
	}()
	out := bufio.NewWriterSize(file, 1<<20)
	if err := write(out); err != nil {
		return err
	}
	if err := errors.Join(out.Flush(), file.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(file.Name(), path)
}
