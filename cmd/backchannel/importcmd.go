package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bigmind/backchannel/cmd/backchannel/importing"
	"github.com/bigmind/backchannel/cmd/backchannel/scan"
	"github.com/bigmind/backchannel/schemas"
)

// exitBadRows says that the file has rows with errors.
const exitBadRows = 3

// importFlags are what 'import' was asked.
type importFlags struct {
	org, format, delimiter string
	columns                map[string]string
	dryRun, replace        bool
	deletes                int
}

func importCommand(a *app) *cobra.Command {
	f := importFlags{}
	cmd := &cobra.Command{
		Use: "import accounts|deals|users FILE --org ORG", Short: "Load accounts, deals or people from CSV or JSON lines", Args: cobra.ExactArgs(2),
		Long: importHelp(),
		RunE: func(cmd *cobra.Command, args []string) error {
			kind, err := importing.Named(args[0])
			if err != nil {
				return err
			}
			return a.runImport(cmd, kind, args[1], f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.org, "org", "", "organization")
	flags.StringVar(&f.format, "format", "", "csv or jsonl (default: as the file's name says)")
	flags.StringVar(&f.delimiter, "delimiter", ",", "the sign between columns of CSV; tab: a tab")
	flags.StringToStringVar(&f.columns, "map", nil, "a column of the file and ours, such as --map 'Account ID=account_id'")
	flags.BoolVar(&f.dryRun, "dry-run", false, "check, and say what would be sent; send nothing")
	flags.BoolVar(&f.replace, "replace", false, "the file is all that the organization has: what it lacks is deleted")
	flags.IntVar(&f.deletes, "delete", -1, "with --replace: how many are to be deleted; asked for on a terminal")
	return cmd
}

func importHelp() string {
	var b strings.Builder
	b.WriteString(`Load accounts, deals or people from CSV (UTF-8, its first row names the columns) or JSON lines. FILE may be -, standard input.

The whole file is checked first, and every row that is wrong is named. Of such a row nothing is sent; the others are, and the exit code
is 3. With --replace one wrong row is enough for nothing to be sent. An id that comes twice: the last row counts. What is on the topic
already is not sent again, so that an import can be repeated at any time.
`)
	for _, k := range importing.Kinds {
		fmt.Fprintf(&b, "\nColumns of %s (fields of JSON):\n", k.Name)
		for _, c := range k.Columns {
			about := string(c.Form)
			if c.About != "" {
				about += ": " + c.About
			}
			if c.Required {
				about += " (required)"
			}
			fmt.Fprintf(&b, "  %-14s %s\n", c.Name, about)
		}
	}
	return b.String()
}

func (f importFlags) check() (importing.Options, error) {
	opts := importing.Options{Org: schemas.OrgID(f.org), Format: f.format, Map: f.columns}
	delimiter := []rune(strings.ReplaceAll(f.delimiter, "tab", "\t"))
	switch {
	case f.org == "":
		return opts, errors.New("--org is missing: name the organization")
	case strings.Contains(f.org, "/"):
		return opts, errors.New("--org must not contain a /")
	case f.format != "csv" && f.format != "jsonl":
		return opts, fmt.Errorf("--format is %q; want csv or jsonl", f.format)
	case len(delimiter) != 1 || strings.ContainsRune("\r\n\"", delimiter[0]):
		return opts, errors.New("--delimiter must be one character, or tab")
	case f.deletes >= 0 && !f.replace:
		return opts, errors.New("--delete goes with --replace")
	}
	opts.Delimiter = delimiter[0]
	return opts, nil
}

func (a *app) runImport(cmd *cobra.Command, kind importing.Kind, path string, f importFlags) error {
	if f.format == "" && path != "-" {
		var err error
		if f.format, err = importing.FormatOf(path); err != nil {
			return err
		}
	}
	opts, err := f.check()
	if err != nil {
		return err
	}
	in, err := input(cmd, path)
	if err != nil {
		return err
	}
	file, err := importing.Read(kind, in, opts)
	if err = errors.Join(err, in.Close()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	out := cmd.ErrOrStderr()
	for _, note := range file.Notes {
		fmt.Fprintln(out, "note: "+note)
	}
	for _, problem := range file.Problems {
		fmt.Fprintln(out, problem)
	}
	if file.Bad > 0 && f.replace {
		return exitError{exitBadRows, bad(file) + "; with --replace nothing is sent before every row is right"}
	}
	if err := a.send(cmd, kind, file, f, out); err != nil {
		return err
	}
	if file.Bad > 0 {
		return exitError{exitBadRows, bad(file) + "; nothing of them was sent"}
	}
	return nil
}

func bad(file *importing.File) string {
	if file.Bad == 1 {
		return "1 row has errors"
	}
	return fmt.Sprintf("%d rows have errors", file.Bad)
}

func input(cmd *cobra.Command, path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(cmd.InOrStdin()), nil
	}
	in, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the file: %w", err)
	}
	return in, nil
}

// send compares the file with the topic, asks before it deletes, and sends.
func (a *app) send(cmd *cobra.Command, kind importing.Kind, file *importing.File, f importFlags, out io.Writer) error {
	kafka, err := kafkaOptions(a.config)
	if err != nil {
		return err
	}
	client, err := scan.Client(kafka)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx := cmd.Context()
	now, err := importing.State(ctx, client, kind.Topic.Name, schemas.OrgID(f.org))
	if err != nil {
		return err
	}
	plan := importing.MakePlan(kind, schemas.OrgID(f.org), file, now, f.replace)
	summary := fmt.Sprintf("%s of %s: %d new, %d changed, %d unchanged, %d deleted", kind.Name, f.org, plan.New, plan.Changed, plan.Unchanged, len(plan.Delete))
	if f.dryRun {
		fmt.Fprintln(cmd.OutOrStdout(), summary+" (dry run: nothing was sent)")
		return nil
	}
	if err := confirm(cmd, kind, plan, len(now), f.deletes, out); err != nil {
		return err
	}
	told := progressOf(out, uint64(plan.Len()), "sent")
	if err := plan.Send(ctx, client, func(done int) { told(uint64(done)) }); err != nil {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), summary)
	return nil
}

// confirm asks for the number of what will be deleted: a file that was cut short would otherwise take an organization's people away.
func confirm(cmd *cobra.Command, kind importing.Kind, plan *importing.Plan, of, said int, out io.Writer) error {
	n := len(plan.Delete)
	if n == 0 || said == n {
		return nil
	}
	lost := fmt.Sprintf("%d of %d %s are not in the file and would be deleted, such as %s", n, of, kind.Name, strings.Join(plan.Delete[:min(n, 3)], ", "))
	if said >= 0 || !onTerminal(cmd.InOrStdin()) {
		return fmt.Errorf("%s; nothing was sent. If that is meant, say --delete %d", lost, n)
	}
	fmt.Fprintf(out, "%s. Type %d to go on: ", lost, n)
	typed, _ := bufio.NewReader(cmd.InOrStdin()).ReadString('\n') // an end without a number is a no
	if strings.TrimSpace(typed) != strconv.Itoa(n) {
		return errors.New("nothing was sent")
	}
	return nil
}

// progressOf shows progress: a bar on a terminal, else a line every few seconds.
func progressOf(out io.Writer, total uint64, what string) func(done uint64) {
	const width, every = 30, 5 * time.Second
	bar, last := onTerminal(out), time.Now()
	return func(done uint64) {
		switch {
		case bar && (done == total || done%max(total/200, 1) == 0):
			filled := int(min(width*done/max(total, 1), width))
			fmt.Fprintf(out, "\r[%s%s] %d / %d", strings.Repeat("#", filled), strings.Repeat(".", width-filled), done, total)
			if done == total {
				fmt.Fprintln(out)
			}
		case !bar && time.Since(last) >= every:
			last = time.Now()
			fmt.Fprintf(out, "%d of %d %s\n", done, total, what)
		}
	}
}

// onTerminal says whether a stream is somebody's terminal. What cron and systemd give instead, /dev/null, is a device too.
func onTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	nothing, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, nothing)
}
