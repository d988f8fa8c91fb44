package explore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"
)

// How long a client may take. Bodies are small.
const (
	headTime = 10 * time.Second
	readTime = 60 * time.Second
	idleTime = 120 * time.Second
	stopTime = 5 * time.Second // for requests that run when the server ends
)

// Listen opens the address, HOST:PORT. An empty host is the loopback alone; port 0 is any that is free.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("explore: %w: use HOST:PORT, such as 127.0.0.1:8080", err)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("explore: %w", err)
	}
	return l, nil
}

// Loopback reports an address that only this machine reaches.
func Loopback(l net.Listener) bool {
	at, ok := l.Addr().(*net.TCPAddr)
	return ok && at.IP.IsLoopback()
}

// Hosts returns which hosts a request may name: addresses, which no name server makes up, localhost, the name that was listened to, and
// for pages that other machines may reach this machine's name.
func Hosts(l net.Listener, listened string) func(host string) bool {
	names := map[string]bool{"localhost": true}
	if host, _, err := net.SplitHostPort(listened); err == nil && host != "" {
		names[strings.ToLower(host)] = true
	}
	if name, err := os.Hostname(); err == nil && !Loopback(l) {
		names[strings.ToLower(name)] = true
	}
	return func(host string) bool {
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
		ip, err := netip.ParseAddr(host)
		if err == nil {
			return ip.IsLoopback() || !Loopback(l)
		}
		return names[strings.ToLower(host)]
	}
}

// Serve serves until ctx is done, and then lets requests that run come to their end.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	s := &http.Server{Handler: h, ReadHeaderTimeout: headTime, ReadTimeout: readTime, WriteTimeout: maxTime + readTime, IdleTimeout: idleTime, MaxHeaderBytes: 1 << 16}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("explore: %w", err)
	case <-ctx.Done():
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if err := s.Shutdown(late); errors.Is(err, context.DeadlineExceeded) {
		return s.Close()
	} else if err != nil {
		return fmt.Errorf("explore: %w", err)
	}
	return nil
}
