package serve

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// certificates reads a certificate again when its file has changed, as services that renew them expect.
type certificates struct {
	cert, key string

	mu      sync.Mutex
	current *tls.Certificate
	changed time.Time // of the file
	looked  time.Time
}

// often is how often the file is looked at, at most.
const often = 10 * time.Second

// OpenTLS returns a server's configuration with a certificate and its key, which are PEM files. They are read again when they change.
func OpenTLS(cert, key string) (*tls.Config, error) {
	c := &certificates{cert: cert, key: key}
	if err := c.read(); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get, NextProtos: []string{"h2", "http/1.1"}}, nil
}

func (c *certificates) read() error {
	info, err := os.Stat(c.cert)
	if err != nil {
		return fmt.Errorf("--tls-cert: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("--tls-cert %s, --tls-key %s: %w", c.cert, c.key, err)
	}
	c.current, c.changed = &pair, info.ModTime()
	return nil
}

// get returns the certificate. One that cannot be read again, as while it is written, leaves the old one.
func (c *certificates) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) > often {
		c.looked = time.Now()
		if info, err := os.Stat(c.cert); err == nil && !info.ModTime().Equal(c.changed) {
			_ = c.read() // the old one stays
		}
	}
	return c.current, nil
}
