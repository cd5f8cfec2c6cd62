package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/bigmind/backchannel/cmd/backchannel/config"
)

// changeLevel makes the log more talkative at SIGUSR1 and less so at SIGUSR2, a level at a time, until ctx is done. A signal needs no port that somebody
// could reach.
func changeLevel(ctx context.Context, log *slog.Logger) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(signals)
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-signals:
			was := logLevel.Level()
			logLevel.Set(step(was, s == syscall.SIGUSR1))
			log.Log(ctx, max(logLevel.Level(), slog.LevelInfo), "log level changed", "was", was.String(), "is", logLevel.Level().String())
		}
	}
}

// levelStep is how far apart slog's levels are.
const levelStep = 4

func step(level slog.Level, down bool) slog.Level {
	if down {
		return max(level-levelStep, slog.LevelDebug)
	}
	return min(level+levelStep, slog.LevelError)
}

// serveProfiles serves Go's profiles at pprof-addr, where one is set, until ctx is done. They show what is in memory: the address is best one of this machine.
func serveProfiles(ctx context.Context, c *config.Config, log *slog.Logger) error {
	if c.String("pprof-addr") == "" {
		<-ctx.Done()
		return nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	web, err := listen(ctx, c, "pprof-addr", mux)
	if err != nil {
		return err
	}
	web.server.WriteTimeout = 0 // a profile takes as long as was asked for
	log.Info("profiles are served", "pprof", web.addr())
	defer web.shutdown(time.Second)
	return web.failed(ctx)
}
