// Command serve measures two servers of one model, catvae serve and FastAPI with onnxruntime, in turns: rows a second, and the latency of
// requests, by how many clients ask at once.
//
//	bench/serve/run.sh --model run/bundle
//
// Each client has a connection of its own and sends one request after the other, each of some rows as bytes, by HTTP as either server takes
// them: the protocol's binary tensor extension here, a bare body there. Every answer is compared with the codes of the model. The servers take
// turns, so that what else the machine does meets both.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/catvae/catvae/internal/noise"
)

type figure struct {
	Server   string  `json:"server"`
	Clients  int     `json:"clients"`
	Rows     int     `json:"rows_per_request"`
	Requests int     `json:"requests"`
	Rate     float64 `json:"rows_per_second"`
	P50      float64 `json:"p50_ms"`
	P99      float64 `json:"p99_ms"`
	CPU      float64 `json:"processor_us_per_row"`
}

func main() {
	ours := flag.String("catvae", "127.0.0.1:8000", "address of catvae serve")
	other := flag.Int("other-pid", 0, "of the other server, for its processor time")
	theirs := flag.String("fastapi", "", "address of the other server")
	model := flag.String("name", "m", "the model's name")
	size := flag.Int("size", 784, "bytes of a row")
	seconds := flag.Float64("seconds", 3, "of a turn")
	turns := flag.Int("turns", 3, "of each server")
	rows := flag.Int("rows", 1, "of a request")
	total := flag.Int("requests", 0, "so many requests to catvae instead, and its memory on the way")
	pid := flag.Int("pid", 0, "of catvae, for its memory and processor time")
	shape := flag.String("shape", "28,28", "of a row")
	clients := flag.String("clients", "1,8,64", "how many ask at once")
	flag.Parse()
	if err := measure(*ours, *theirs, *model, *shape, *size, *seconds, *turns, *rows, *total, *pid, *other, *clients); err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
}

// target is a server and how it is asked.
type target struct {
	name, address string
	pid           int
	request       func(rows []byte) []byte // a whole HTTP request
}

func measure(ours, theirs, model, shape string, size int, seconds float64, turns, rows, total, pid, other int, clients string) error {
	targets := []target{{"catvae serve", ours, pid, func(data []byte) []byte {
		text := fmt.Sprintf(`{"parameters":{"binary_data_output":true},"inputs":[{"name":"sample","shape":[%d,%s],"datatype":"UINT8","parameters":{"binary_data_size":%d}}]}`, len(data)/size, shape, len(data))
		return post("/v2/models/"+model+"/infer", fmt.Sprintf("Inference-Header-Content-Length: %d\r\n", len(text)), append([]byte(text), data...))
	}}}
	if theirs != "" {
		targets = append(targets, target{"FastAPI", theirs, other, func(data []byte) []byte { return post("/encode", "", data) }})
	}
	pool := make([][]byte, 64)
	for i := range pool {
		pool[i] = make([]byte, rows*size)
		random := make([]float32, rows*size)
		noise.Stream{Seed: uint64(i)}.Uniform(random, 0, 0)
		for j, u := range random {
			pool[i][j] = byte(256 * u)
		}
	}
	want, err := agreed(targets, pool)
	if err != nil {
		return err
	}
	if total > 0 {
		return endure(targets[0], pool, want, total, pid)
	}
	figures := []figure{}
	for _, text := range bytes.Split([]byte(clients), []byte(",")) {
		n, err := strconv.Atoi(string(text))
		if err != nil {
			return err
		}
		took := make([][]time.Duration, len(targets))
		var all, used [2]time.Duration
		for range turns {
			for i, t := range targets {
				before := processor(t.pid)
				list, wall, err := ask(t, pool, want, n, time.Duration(seconds*float64(time.Second)), 0)
				if err != nil {
					return fmt.Errorf("%s: %w", t.name, err)
				}
				took[i] = append(took[i], list...)
				all[i] += wall
				used[i] += processor(t.pid) - before
			}
		}
		for i, t := range targets {
			slices.Sort(took[i])
			at := func(p float64) float64 {
				return float64(took[i][int(p*float64(len(took[i])-1))]) / float64(time.Millisecond)
			}
			f := figure{t.name, n, rows, len(took[i]), float64(rows*len(took[i])) / all[i].Seconds(), at(0.5), at(0.99), float64(used[i].Microseconds()) / float64(rows*len(took[i]))}
			figures = append(figures, f)
			fmt.Fprintf(os.Stderr, "%-12s %2d clients: %8.0f rows/s, P50 %6.2f ms, P99 %6.2f ms, %5.0f us of processor a row\n", f.Server, f.Clients, f.Rate, f.P50, f.P99, f.CPU)
		}
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	return out.Encode(figures)
}

// post writes a request.
func post(path, header string, body []byte) []byte {
	return append(fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/octet-stream\r\n%sContent-Length: %d\r\n\r\n", path, header, len(body)), body...)
}

// a client is one connection.
type client struct {
	conn net.Conn
	in   *bufio.Reader
}

func dial(t target) (*client, error) {
	conn, err := net.Dial("tcp", t.address)
	if err != nil {
		return nil, err
	}
	return &client{conn, bufio.NewReaderSize(conn, 1<<16)}, nil
}

// do sends a request and returns the codes: the end of the answer.
func (c *client) do(request []byte, dst []byte) ([]byte, error) {
	if _, err := c.conn.Write(request); err != nil {
		return nil, err
	}
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	buffer := bytes.NewBuffer(dst[:0])
	if _, err := io.Copy(buffer, response.Body); err != nil {
		return nil, err
	}
	if response.StatusCode != 200 {
		return nil, fmt.Errorf("%s: %s", response.Status, buffer)
	}
	n, _ := strconv.Atoi(response.Header.Get("Inference-Header-Content-Length"))
	return buffer.Bytes()[n:], nil
}

// agreed returns the codes of each request, in which all servers agree.
func agreed(targets []target, pool [][]byte) (want [][]byte, err error) {
	for i, t := range targets {
		c, err := dial(t)
		if err != nil {
			return nil, err
		}
		for j, rows := range pool {
			codes, err := c.do(t.request(rows), nil)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.name, err)
			}
			if i == 0 {
				want = append(want, bytes.Clone(codes))
			} else if !bytes.Equal(codes, want[j]) {
				return nil, fmt.Errorf("%s and %s make different codes of request %d: %x, %x", t.name, targets[0].name, j, codes, want[j])
			}
		}
		c.conn.Close()
	}
	return want, nil
}

// ask lets n clients ask for a time, or for a number of requests, and returns how long each request took, and all of them.
func ask(t target, pool, want [][]byte, n int, during time.Duration, total int) (took []time.Duration, wall time.Duration, err error) {
	requests := make([][]byte, len(pool))
	for i, rows := range pool {
		requests[i] = t.request(rows)
	}
	clients := make([]*client, n)
	for i := range clients {
		if clients[i], err = dial(t); err != nil {
			return nil, 0, err
		}
		defer clients[i].conn.Close()
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	began := time.Now()
	for i, c := range clients {
		wg.Go(func() {
			var mine []time.Duration
			var dst []byte
			for j := i; ; j++ {
				start := time.Now()
				if total > 0 && len(mine) >= total/n || total == 0 && start.Sub(began) > during {
					break
				}
				codes, failed := c.do(requests[j%len(requests)], dst)
				if failed == nil && !bytes.Equal(codes, want[j%len(want)]) {
					failed = fmt.Errorf("request %d has other codes than before", j)
				}
				if failed != nil {
					mu.Lock()
					err = failed
					mu.Unlock()
					return
				}
				dst = codes
				mine = append(mine, time.Since(start))
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
		})
	}
	wg.Wait()
	return took, time.Since(began), err
}

// endure sends many requests and prints the server's memory after each tenth.
func endure(t target, pool, want [][]byte, total, pid int) error {
	for i := range 10 {
		if _, _, err := ask(t, pool, want, 16, 0, total/10); err != nil {
			return err
		}
		kb, err := resident(pid)
		if err != nil {
			return err
		}
		fmt.Printf("%7d requests: %d KB resident\n", (i+1)*(total/10), kb)
	}
	return nil
}
