// Command backchannel runs the Slack integration: all tiers in one process, or each where it is wanted. It is the only
// composition root: flags and configuration in, wired tiers out.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	_ "time/tzdata" // people's time zones, also where the machine knows none

	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bigmind/backchannel/cmd/backchannel/config"
)

func main() {
	os.Exit(run(os.Args[1:]))
}

// run executes one command line. The first SIGTERM or SIGINT asks for an orderly end, the second ends at once.
func run(args []string) int {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		stop()
		<-signals
		if remove := scratch.Load(); remove != nil {
			(*remove)()
		}
		os.Exit(exitAtOnce)
	}()
	root := rootCommand()
	root.SetArgs(args)
	if err := root.ExecuteContext(ctx); err != nil {
		var coded exitError
		if errors.As(err, &coded) {
			if coded.message != "" {
				fmt.Fprintln(os.Stderr, "backchannel: "+coded.message)
			}
			return coded.code
		}
		fmt.Fprintf(os.Stderr, "backchannel: %v\n", err)
		return 1
	}
	return 0
}

// scratch takes a temporary folder away, also when the program ends at once. nil: there is none.
var scratch atomic.Pointer[func()]

// temporary makes a folder, and what takes it away: under another name first, where engines that still run make no new files. What is left, the system clears.
func temporary(pattern string) (dir string, remove func(), err error) {
	if dir, err = os.MkdirTemp("", pattern); err != nil {
		return "", nil, err
	}
	remove = sync.OnceFunc(func() {
		gone := dir + ".gone"
		_ = os.Rename(dir, gone)
		for range 3 {
			_, _ = os.RemoveAll(gone), os.RemoveAll(dir)
		}
	})
	scratch.Store(&remove)
	return dir, remove, nil
}

// exitAtOnce is what a shell reports for SIGINT, and says that nothing was drained.
const exitAtOnce = 130

// exitError ends the program with a code of its own.
type exitError struct {
	code    int
	message string
}

func (e exitError) Error() string { return e.message }

// app is what every command shares: the configuration and the log.
type app struct {
	file   string // of the configuration; empty: none
	config *config.Config
	log    *slog.Logger
}

func rootCommand() *cobra.Command {
	a := &app{}
	root := &cobra.Command{
		Use:           "backchannel",
		Short:         "Slack conversations as customer context, and notifications as Slack messages",
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return a.load(cmd.Flags(), a.file)
		},
	}
	root.SetUsageTemplate(usageOf(root.UsageTemplate()))
	flags := root.PersistentFlags()
	flags.StringVar(&a.file, "config", os.Getenv("BACKCHANNEL_CONFIG"), "configuration file (YAML, one 'name: value' a line)")
	for _, s := range config.Settings {
		if s.Bool {
			flags.Bool(s.Name, s.Default == "true", s.Help)
			continue
		}
		flags.String(s.Name, s.Default, s.Help+" ["+s.Env()+"]")
	}
	root.AddCommand(runCommand(a), applyCommand(a), demoCommand(a), notifyCommand(a), explainCommand(a), doctorCommand(a), dlqCommand(a), configCommand(a),
		sealCommand(a), installLinkCommand(a), peopleCommand(a), tokenCommand(a), syncCommand(a), auditCommand(a), importCommand(a), manifestCommand(a), readyCommand(a), versionCommand(), engineCommand(a))
	root.AddCommand(queryCommand(a), exportCommand(a), forgetCommand(a), retainCommand(a), backupCommand(a), restoreCommand(a), probeCommand(a), replayCommand(a))
	return root
}

func (a *app) load(flags *pflag.FlagSet, file string) (err error) {
	given := map[string]string{}
	flags.Visit(func(f *pflag.Flag) {
		if _, known := config.Lookup(f.Name); known {
			given[f.Name] = f.Value.String()
		}
	})
	if a.config, err = config.Load(given, os.LookupEnv, file); err != nil {
		return err
	}
	a.log = newLog(a.config)
	slog.SetDefault(a.log)
	for _, stray := range config.Stray(os.Environ()) {
		a.log.Warn("a variable of the environment is no setting", "variable", stray.Name, "hint", stray.Hint)
	}
	redis.SetLogger(quietRedis{a.log})
	return nil
}

// logLevel is what is logged now: as configured, until somebody changes it (see changeLevel).
var logLevel slog.LevelVar

// newLog writes to standard error: standard output is for answers.
func newLog(c *config.Config) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.String("log-level"))); err != nil {
		level = slog.LevelInfo // validated by config
	}
	logLevel.Set(level)
	opts := &slog.HandlerOptions{Level: &logLevel, ReplaceAttr: readable}
	if c.String("log-format") == "text" {
		return slog.New(slog.NewTextHandler(os.Stderr, opts))
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, opts))
}

// readable writes durations as people do, such as 1m30s: JSON has nanoseconds otherwise.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// release is set by the linker: -X main.release=v1.2.3.
var release string

// version is the release, else the commit that the binary was built from, else "devel".
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return s.Value[:12]
			}
		}
	}
	return "devel"
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "backchannel", version())
			return err
		},
	}
}

func configCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "config", Short: "Print what is in force and where each value came from, secrets redacted", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.config.Print(cmd.OutOrStdout()) },
	}
}
