package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// listener is bound before kfake starts, so that a port in use is our sentence, and tells clients another address if asked.
type listener struct {
	net.Listener
	advertised net.Addr
	taken      bool
}

// address is a net.Addr that is whatever was configured; kfake tells clients what its String says.
type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }

func listen(ctx context.Context, addr, advertise string) (*listener, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s cannot listen on %s because another program does: stop that program, or choose another address", engine, addr)
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot listen on %q: %w", engine, addr, err)
	}
	l := &listener{Listener: ln, advertised: ln.Addr()}
	if advertise != "" {
		l.advertised = address(advertise)
		return l, checkAdvertised(advertise, ln)
	}
	if tcp, ok := ln.Addr().(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return nil, errors.Join(fmt.Errorf("%s listens on every interface (%s), which clients cannot be told to dial: "+
			"say which address to advertise", engine, addr), ln.Close())
	}
	return l, nil
}

func checkAdvertised(advertise string, ln net.Listener) error {
	host, port, err := net.SplitHostPort(advertise)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err == nil && host == "" {
		err = errors.New("the host is missing")
	}
	if err == nil {
		return nil
	}
	return errors.Join(fmt.Errorf("%s cannot advertise %q: want host:port: %w", engine, advertise, err), ln.Close())
}

// Addr is what clients are told.
func (l *listener) Addr() net.Addr { return l.advertised }

// handOver is kfake's way to listen; it asks once, for its one broker.
func (l *listener) handOver(_, _ string) (net.Listener, error) {
	if l.taken {
		return nil, errors.New("the embedded Kafka has one broker")
	}
	l.taken = true
	return l, nil
}

// closeIfOpen ends a listener that kfake may or may not have closed.
func (l *listener) closeIfOpen() error {
	if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close the listener: %w", err)
	}
	return nil
}
