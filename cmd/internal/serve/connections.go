package serve

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// connections knows which connections of HTTP may hold a request that has come and has no answer yet. net/http drops a request that it has read just when
// it is told to shut down: so the end first waits until there is none.
type connections struct {
	mu   sync.Mutex
	busy map[net.Conn]struct{}
}

// changed is http.Server's ConnState.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew, http.StateActive:
		if c.busy == nil {
			c.busy = map[net.Conn]struct{}{}
		}
		c.busy[conn] = struct{}{}
	default:
		delete(c.busy, conn)
	}
}

// quiet waits until no connection is new or at work, at most so long: those that are left have a request that takes longer, or none.
func (c *connections) quiet(atMost time.Duration) {
	for until := time.Now().Add(atMost); time.Now().Before(until); time.Sleep(2 * time.Millisecond) {
		c.mu.Lock()
		n := len(c.busy)
		c.mu.Unlock()
		if n == 0 {
			return
		}
	}
}
