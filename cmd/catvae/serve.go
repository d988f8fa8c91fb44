package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/cmd/internal/serve"
	"github.com/catvae/catvae/cmd/internal/serve/batcher"
	"github.com/catvae/catvae/cmd/internal/serve/repository"
	"github.com/catvae/catvae/internal/cores"
	"github.com/catvae/catvae/internal/rundir"
	"github.com/catvae/catvae/runtime"
)

type serveCommand struct {
	Bundles  []string `arg:"" optional:"" name:"bundle" help:"Bundles or run folders, each also as NAME=FOLDER; a folder may hold versions: 1, 2 and so on. The name is the folder's, or that of the run." placeholder:"[NAME=]BUNDLE"`
	Models   string   `help:"Folder of bundles, NAME or NAME/VERSION, which come and go while the server runs." placeholder:"DIR"`
	Versions int      `help:"How many of a bundle's newest versions are served; 0 means all." default:"1" range:"0,1000"`
	Variant  string   `help:"Variant of the encoders: float32, or one that every bundle was exported with." default:"float32" placeholder:"NAME"`
	Index    []string `help:"Codes that /v1/search looks through, as an index or a file of codes; [NAME=]PATH, for the bundle of that name." placeholder:"[NAME=]PATH" sep:"none"`

	Listen    string `help:"Address of HTTP; off for none. Port 0 is any that is free." default:"127.0.0.1:8000" placeholder:"HOST:PORT"`
	GRPC      string `help:"Address of gRPC; off for none." default:"127.0.0.1:8001" placeholder:"HOST:PORT" name:"grpc"`
	TokenFile string `help:"File with a token that each request must bring, except for health: Authorization: Bearer TOKEN." placeholder:"FILE"`
	TLSCert   string `help:"Certificate, a PEM file. It is read again when it changes." placeholder:"FILE" name:"tls-cert"`
	TLSKey    string `help:"Its key." placeholder:"FILE" name:"tls-key"`

	Batch   int           `help:"Most rows of a run." default:"512" range:"1,65536"`
	Delay   time.Duration `help:"How long a batch that is not full waits for more rows while another runs." default:"2ms" range:"0s,10s"`
	Callers int           `help:"Runs at once; 0 means one per core, or one where --threads is given." default:"0" range:"0,1024"`
	Queue   int           `help:"Most rows that wait for each model: further requests are told to come again (429)." default:"16384" range:"1,10000000"`

	MaxBody     int           `help:"Largest request, in MiB." default:"64" range:"1,2047"`
	MaxRows     int           `help:"Most rows of a request." default:"8192" range:"1,1000000"`
	MaxRequests int           `help:"Most requests with rows at once: further ones are told to come again (503)." default:"256" range:"1,100000"`
	Timeout     time.Duration `help:"How long a request may take once it has come (504)." default:"30s" range:"1ms,1h"`
	ReadTimeout time.Duration `help:"How long a request may take to come (408)." default:"30s" range:"1ms,1h"`
	Leave       time.Duration `help:"How long requests are still taken after the signal to end, while health says not ready: as long as a load balancer needs to learn it. Clients that ask all the time are told to close their connections meanwhile." default:"500ms" range:"0s,10m"`
	Drain       time.Duration `help:"How long accepted requests may take after that." default:"30s" range:"0s,1h"`
	Poll        time.Duration `help:"How often folders are looked at where the system does not tell of changes." default:"10s" range:"100ms,1h"`
	Log         string        `help:"How the log on standard error is written: text or json." default:"text" enum:"text,json"`
	cli.Backend
}

// Help is printed under the flags' list.
func (serveCommand) Help() string {
	return `Examples:

  catvae serve run
  catvae serve mnist=run/bundle fashion=other/bundle --index mnist=photos.index
  catvae serve --models models/ --listen 0.0.0.0:8000 --token-file token --tls-cert cert.pem --tls-key key.pem
  curl -F picture=@digit.png 'http://127.0.0.1:8000/v1/encode?model=run'

Answers the Open Inference Protocol, version 2, as KServe and Triton do, over HTTP and gRPC. A bundle NAME is four models: NAME makes packed codes of rows; NAME-encoder, NAME-threshold and NAME-decoder are its graphs. /v1/encode takes pictures, /v1/search finds the nearest codes, /metrics is for Prometheus. docs/serve.md has the rest.

Where it listens is printed on standard output. The first SIGTERM or Ctrl-C lets it finish what it has accepted, and end with code 130.

` + cli.ExitStatus
}

func (c *serveCommand) Run(ctx context.Context, env cli.Env) (err error) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400) // little is kept on the heap, and much goes through it
	}
	log := c.logger(env.Stderr)
	o, err := c.options(log)
	if err != nil {
		return err
	}
	if o.Traces, err = serve.OpenTraces(ctx, cli.Version); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, within(5*time.Second, o.Traces.Close)) }()
	if o.Repository, err = c.repository(ctx, env, log); err != nil {
		return err
	}
	defer func() { _ = within(c.Drain, o.Repository.Close) }() // what was left was told
	server, err := serve.New(ctx, o)
	if err != nil {
		return err
	}
	if o.HTTP, o.GRPC, err = c.listen(log); err != nil {
		return err
	}
	server.Listen(o.HTTP, o.GRPC)
	c.print(env.Stdout, o)
	watching, stop := context.WithCancel(ctx)
	defer stop()
	go o.Repository.Watch(watching)
	defer cli.Hold(ctx, "accepted requests are finished")()
	return server.Run(ctx)
}

// within calls f with a context of its own, since that of the command is done.
func within(d time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return f(ctx)
}

func (c *serveCommand) logger(w io.Writer) *slog.Logger {
	if c.Log == "json" {
		return slog.New(slog.NewJSONHandler(w, nil))
	}
	return slog.New(slog.NewTextHandler(w, nil))
}

// options returns what flags say of the server.
func (c *serveCommand) options(log *slog.Logger) (o serve.Options, err error) {
	o = serve.Options{
		MaxBody: int64(c.MaxBody) << 20, MaxRequests: c.MaxRequests, Timeout: c.Timeout, ReadTimeout: c.ReadTimeout, Drain: c.Drain, Leave: c.Leave,
		Version: cli.Version, Log: log,
	}
	switch {
	case len(c.Bundles) == 0 && c.Models == "":
		return o, fmt.Errorf("%w: name a bundle, or --models DIR", cli.ErrUsage)
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return o, fmt.Errorf("%w: --tls-cert and --tls-key go together", cli.ErrUsage)
	case c.Listen == off && c.GRPC == off:
		return o, fmt.Errorf("%w: --listen off --grpc off: nobody could ask", cli.ErrUsage)
	}
	if c.TLSCert != "" {
		if o.TLS, err = serve.OpenTLS(c.TLSCert, c.TLSKey); err != nil {
			return o, err
		}
	}
	if o.Token, err = c.token(); err != nil {
		return o, err
	}
	named, err := c.named()
	if err != nil {
		return o, err
	}
	for _, text := range c.Index {
		name, path, given := strings.Cut(text, "=")
		if !given {
			if name, path = "", text; len(named) != 1 {
				return o, fmt.Errorf("%w: --index %s: say for which bundle: NAME=%s", cli.ErrUsage, text, text)
			}
			for only := range named {
				name = only
			}
		}
		o.Indexes = append(o.Indexes, serve.Index{Bundle: name, Path: path})
	}
	return o, nil
}

// off is the address of what is not wanted.
const off = "off"

// token reads the token.
func (c *serveCommand) token() (string, error) {
	if c.TokenFile == "" {
		return "", nil
	}
	data, err := os.ReadFile(c.TokenFile)
	if err != nil {
		return "", fmt.Errorf("--token-file: %w", err)
	}
	token := strings.TrimSpace(string(data))
	if token == "" || strings.ContainsAny(token, " \t\r\n") || len(token) > 4096 {
		return "", fmt.Errorf("%w: --token-file %s: a token is one word", cli.ErrUsage, c.TokenFile)
	}
	return token, nil
}

// named returns the folders of bundles by their names.
func (c *serveCommand) named() (map[string]string, error) {
	named := map[string]string{}
	for _, text := range c.Bundles {
		name, dir, given := strings.Cut(text, "=")
		if !given {
			dir = text
			full, err := filepath.Abs(dir)
			if err != nil {
				return nil, err
			}
			if name = filepath.Base(full); name == rundir.Bundle {
				name = filepath.Base(filepath.Dir(full))
			}
		}
		if !repository.ValidName(name) {
			return nil, fmt.Errorf("%w: %q is no name of a model, which has letters, digits, dots, hyphens and underscores: give one, NAME=%s", cli.ErrUsage, name, dir)
		}
		if other, twice := named[name]; twice {
			return nil, fmt.Errorf("%w: %s and %s would both be %s: name one otherwise, NAME=%s", cli.ErrUsage, other, dir, name, dir)
		}
		named[name] = dir
	}
	return named, nil
}

// repository loads what is served. A bundle that the command line names must be there; those of --models may come later.
func (c *serveCommand) repository(ctx context.Context, env cli.Env, log *slog.Logger) (*repository.Repository, error) {
	named, err := c.named()
	if err != nil {
		return nil, err
	}
	if c.Callers == 0 {
		c.Callers = 1
		if c.Threads == 0 {
			c.Callers, c.Threads = cores.Count(), 1 // small models gain nothing from threads, and many batches run at once
		}
	}
	on, err := c.Backend.Open(ctx, env, false)
	if err != nil {
		return nil, err
	}
	r := repository.New(repository.Options{
		Bundles: named, Folder: c.Models, Versions: c.Versions, MaxRows: c.MaxRows, MaxBatch: c.Batch, Delay: c.Delay, QueueRows: c.Queue,
		Slots: batcher.NewSlots(c.Callers), Open: []runtime.Option{runtime.WithBackend(on), runtime.WithVariant(c.Variant)},
		SelfTest: selfTest, Poll: c.Poll, Grace: c.Drain, Log: log,
	})
	err = r.Sync(ctx)
	if err == nil || ctx.Err() != nil {
		return r, errors.Join(err, ctx.Err())
	}
	if c.Models != "" {
		if _, gone := os.Stat(c.Models); gone != nil {
			return nil, fmt.Errorf("--models: %w", gone)
		}
	}
	for name := range named {
		m, missing := r.Acquire(name, "")
		if missing != nil {
			return nil, errors.Join(err, within(c.Drain, r.Close))
		}
		m.Release()
	}
	return r, nil
}

// selfTest compares what a bundle makes of generated rows with what it made of them where it was written.
func selfTest(ctx context.Context, dir string, m *runtime.Model) error {
	t, err := bundle.ReadSelfTest(dir, m.Manifest())
	if err != nil {
		return err
	}
	return m.SelfTest(ctx, t)
}

// listen opens the addresses.
func (c *serveCommand) listen(log *slog.Logger) (http, grpc net.Listener, err error) {
	for _, l := range []struct {
		flag, address string
		to            *net.Listener
	}{{"--listen", c.Listen, &http}, {"--grpc", c.GRPC, &grpc}} {
		if l.address == off {
			continue
		}
		if *l.to, err = net.Listen("tcp", l.address); err != nil {
			if http != nil {
				http.Close()
			}
			return nil, nil, fmt.Errorf("%s %s: %w", l.flag, l.address, err)
		}
		if at, ok := (*l.to).Addr().(*net.TCPAddr); ok && !at.IP.IsLoopback() && c.TokenFile == "" {
			log.Warn("everyone who reaches this address may ask, and load and unload bundles: --token-file asks for a token", "address", at.String())
		}
	}
	return http, grpc, nil
}

// print says where the server listens.
func (c *serveCommand) print(w io.Writer, o serve.Options) {
	if o.HTTP != nil {
		scheme := "http"
		if o.TLS != nil {
			scheme = "https"
		}
		fmt.Fprintf(w, "%s://%s\n", scheme, o.HTTP.Addr())
	}
	if o.GRPC != nil {
		fmt.Fprintf(w, "grpc://%s\n", o.GRPC.Addr())
	}
}
