package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/cmd/internal/explore"
	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/cmd/internal/outfile"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/rundir"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime"
)

type exploreCommand struct {
	Model  string  `arg:"" name:"bundle" help:"Run folder or bundle." placeholder:"RUN|BUNDLE"`
	Data   string  `help:"Rows to look at: ${sources}. Without it codes are drawn from the prior." placeholder:"SRC"`
	Split  string  `help:"Which rows of MNIST's folder or of glyphs: train or test." default:"test" enum:"train,test"`
	Rows   int     `help:"How many rows are taken, the first ones; 0 means 10,000, or 500 with --write." default:"0" placeholder:"N" range:"0,1000000"`
	Divide float64 `help:"Divide numbers by this; 0 divides as the bundle's manifest says." default:"0" placeholder:"N" range:"0,1e38"`
	Codes  string  `help:"Codes of the model, in which the nearest are looked for, as infer writes them." placeholder:"FILE|DIR" xor:"codes"`
	Index  string  `help:"Folder of an index of codes, which catvae index makes, in place of --codes." placeholder:"DIR" xor:"codes"`
	Text   string  `help:"How --codes are written as text: bits, hex, or auto: bits where all digits are 0 and 1." default:"auto" enum:"auto,bits,hex"`
	Listen string  `help:"Address to serve the page on; port 0 is any that is free. Without it only this machine can open the page." default:"127.0.0.1:0" placeholder:"HOST:PORT"`
	Write  string  `help:"Write the page as one file, with graphs, rows and onnxruntime-web in it, and serve nothing: it needs no network and no other file." placeholder:"FILE|-"`
	OrtWeb string  `name:"ort-web" help:"With --write, folder of the npm package onnxruntime-web that goes into the page. Without it version ${ort_web} is fetched once into the user's cache (33 MB, through npm; CATVAE_NO_DOWNLOAD=1 forbids it)." placeholder:"FOLDER"`
	Force  bool    `help:"Replace the file of --write where it exists."`
	cli.Table
	textFlags
	cli.Backend
}

// Help is printed under the flags' list.
func (exploreCommand) Help() string {
	return `Examples:

  catvae explore run
  catvae explore run/bundle --data mnist/ --codes codes.npy
  catvae explore run/bundle --data pictures/ --index photos.index
  catvae explore run/bundle --data mnist/ --write page.html

A page to play with a model's codes: flip bits and see the row that they decode to, go from one row to another, draw from the prior, drop a picture, look for the nearest codes, and see what each bit does. docs/explore.md says what is on it.

The page is served until Ctrl-C, which ends the command with status 0, at the address that is printed; nothing is opened. The graphs run in this program. With --write they run in the browser. Bad rows are named, and passed over.

` + cli.ExitStatus
}

// Rows that are taken where --rows does not say.
const (
	rowsServed  = 10_000
	rowsWritten = 500
	rowBytes    = 512 << 20 // fewer where they would take more
)

func (c exploreCommand) Run(ctx context.Context, env cli.Env) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	backend, err := c.Backend.Open(ctx, env, false)
	if err != nil {
		return err
	}
	model, err := openModel(ctx, c.Model, backend)
	if err != nil {
		return err
	}
	defer model.Close()
	e := &explore.Explorer{Model: model, Bundle: c.Model}
	if err := c.rows(ctx, env, backend, e); err != nil {
		return err
	}
	if err := c.codes(ctx, env, e); err != nil {
		return err
	}
	if e.Codes != nil {
		defer e.Codes.Close() // only read
	}
	if err := e.Check(); err != nil {
		if e.Rows == nil && model.Manifest().Latent.Dist().Conditional {
			err = fmt.Errorf("%w (--data names some)", err)
		}
		return err
	}
	if c.Write != "" {
		return c.write(ctx, env, e)
	}
	return c.serve(ctx, env, e)
}

// check reports flags that do not fit, and an output that cannot be written.
func (c *exploreCommand) check() error {
	if _, err := net.ResolveTCPAddr("tcp", c.Listen); err != nil {
		return fmt.Errorf("%w: --listen %s: %w: use HOST:PORT, such as 127.0.0.1:8080", cli.ErrUsage, c.Listen, err)
	}
	if c.Write == "" {
		if c.OrtWeb != "" || c.Force {
			return fmt.Errorf("%w: --ort-web and --force are of --write, which is not there", cli.ErrUsage)
		}
		return nil
	}
	_, err := outfile.Follow(c.Write, c.Force)
	switch {
	case errors.Is(err, atomicfile.ErrTarget):
		return fmt.Errorf("%w: --write %w", cli.ErrUsage, err)
	case errors.Is(err, atomicfile.ErrExists):
		return fmt.Errorf("--write %s exists already: choose another name, or --force to replace it: %w", c.Write, fs.ErrExist)
	case err != nil:
		return fmt.Errorf("--write %w", err)
	}
	return infer.CheckApart(c.Write, rundir.BundleOf(c.Model))
}

// rows reads the rows to look at.
func (c exploreCommand) rows(ctx context.Context, env cli.Env, on backend.Backend, e *explore.Explorer) (err error) {
	if c.Data == "" {
		return nil
	}
	texts, closeTexts, err := c.textFlags.open(ctx, on, c.Model, env.Stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeTexts()) }()
	in := e.Model.Manifest().Input
	o := dataset.Options{
		Texts: texts.Dataset(), Split: dataset.Split(c.Split), Image: infer.Pictures(in), Values: infer.ValuesOf(in, c.Divide), Shape: in.RowShape(),
		Table: infer.LikeTrained(c.Table.Table(), in), IDs: true, MaxBad: 1, Check: in.Standard.Dist().CheckRow,
	}
	total, err := rowsOf(ctx, c.Data, o)
	if err != nil {
		return infer.WithDivideHint(err)
	}
	o.Rows = c.Rows
	if o.Rows == 0 {
		if o.Rows = rowsServed; c.Write != "" {
			o.Rows = rowsWritten
		}
		o.Rows = max(1, min(o.Rows, rowBytes/4/in.RowSize()))
	}
	if total > 0 { // glyphs are as many as are asked for
		o.Rows = min(o.Rows, total)
	}
	set, err := dataset.Load(ctx, c.Data, o)
	if err != nil {
		return infer.WithDivideHint(err)
	}
	if err := takes(in, set); err != nil {
		return err
	}
	bad := set.Bad()
	if set.Len() == 0 {
		return fmt.Errorf("%s has no rows: %w", c.Data, dataset.ErrData)
	}
	for i, err := range bad[:min(len(bad), namedBad)] {
		fmt.Fprintf(env.Stderr, "passed over: %s\n", visible.Line(err.Error()))
		if i == namedBad-1 && len(bad) > namedBad {
			fmt.Fprintf(env.Stderr, "and %d more\n", len(bad)-namedBad)
		}
	}
	e.Rows = set
	if total > set.Len()+len(bad) {
		e.Of = total
	}
	return nil
}

// rowsOf returns how many rows a source has, 0 where it can be read only once.
func rowsOf(ctx context.Context, source string, o dataset.Options) (int, error) {
	if source == dataset.Stdin {
		return 0, nil
	}
	r, err := dataset.Open(ctx, source, o)
	if err != nil {
		return 0, err
	}
	defer r.Close() // only read
	return r.Info().Rows, nil
}

// codes reads the codes to search in, and pairs them with the rows.
func (c exploreCommand) codes(ctx context.Context, env cli.Env, e *explore.Explorer) (err error) {
	switch latent := e.Model.Manifest().Latent; {
	case c.Codes != "":
		e.Codes, err = explore.ReadCodes(ctx, c.Codes, c.Text, latent)
	case c.Index != "":
		e.Codes, err = explore.OpenIndex(c.Index, latent)
	}
	if err != nil || e.Codes == nil || e.Rows == nil {
		return err
	}
	of := e.Rows.Len() + len(e.Rows.Bad())
	if e.Of > 0 {
		of = e.Of
	}
	matched, err := e.Match(ctx, of)
	if err == nil && !matched {
		fmt.Fprintf(env.Stderr, "note: the %d codes of %s are not those that the model gives of the %d rows of %s: neighbours are shown as their codes decode\n", e.Codes.Len(), e.Codes.Source, of, c.Data)
	}
	return err
}

// serve serves the page until ctx is done.
func (c exploreCommand) serve(ctx context.Context, env cli.Env, e *explore.Explorer) error {
	l, err := explore.Listen(ctx, c.Listen)
	if err != nil {
		return fmt.Errorf("--listen %s: %w", c.Listen, err)
	}
	defer l.Close()
	h, err := e.Handler(explore.Hosts(l, c.Listen))
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Stderr, "explore: http://%s/ shows %s on %s; Ctrl-C ends it\n", l.Addr(), c.Model, e.Model.Backend())
	if !explore.Loopback(l) {
		fmt.Fprintf(env.Stderr, "warning: other machines can open this page: leave out --listen, or use 127.0.0.1\n")
	}
	return explore.Serve(ctx, l, h)
}

// write writes the page that stands alone.
func (c exploreCommand) write(ctx context.Context, env cli.Env, e *explore.Explorer) error {
	web, err := c.web(ctx, env)
	if err != nil {
		return err
	}
	b, err := bundle.Open(rundir.BundleOf(c.Model))
	if err != nil {
		return err
	}
	size := int64(0)
	err = outfile.Write(ctx, c.Write, 0o644, func(w io.Writer) error {
		n := &counted{w: w}
		defer func() { size = n.bytes }()
		return e.Write(ctx, n, b, web)
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Stderr, "explore: %s has %.1f MB: open it in a browser\n", c.Write, float64(size)/1e6)
	return nil
}

// web returns onnxruntime-web, from the folder that is named or the cache.
func (c exploreCommand) web(ctx context.Context, env cli.Env) (web onnxruntime.Web, err error) {
	if c.OrtWeb == "" {
		web, err = onnxruntime.EnsureWeb(ctx, onnxruntime.InstallOptions{Progress: func(line string) { fmt.Fprintln(env.Stderr, "onnxruntime-web: "+line) }})
		if err != nil && ctx.Err() == nil {
			err = fmt.Errorf("--write: %w (--ort-web names that folder)", err)
		}
		return web, err
	}
	if web, err = onnxruntime.OpenWeb(c.OrtWeb); err != nil {
		return web, fmt.Errorf("--ort-web %s: %w", c.OrtWeb, err)
	}
	if !web.Pinned {
		fmt.Fprintf(env.Stderr, "note: the onnxruntime-web in %s is not version %s, which this program was tried with\n", web.Source, onnxruntime.WebVersion)
	}
	return web, nil
}

// counted counts what is written.
type counted struct {
	w     io.Writer
	bytes int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.bytes += int64(n)
	return n, err
}
