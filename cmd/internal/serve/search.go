package serve

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strconv"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/cmd/internal/codefile"
	"github.com/catvae/catvae/cmd/internal/serve/batcher"
	"github.com/catvae/catvae/cmd/internal/serve/oip"
	"github.com/catvae/catvae/cmd/internal/serve/repository"
	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/codes/index"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/runtime"
)

// An Index names what is searched for the codes of a bundle.
type Index struct {
	Bundle string // the bundle's name
	Path   string // a folder that catvae index made, or a file or folder of codes
}

// A finder finds the nearest codes.
type finder struct {
	source  string
	bytes   int // of a code
	len     int
	indexed bool // codes are a byte a variable
	id      func(row int) string
	search  func(ctx context.Context, queries []byte, k int) ([][]codes.Match, error)
}

// maxNearest is the most codes that are asked for.
const maxNearest = 10_000

// openIndexes opens what is searched, by the bundles' names.
func openIndexes(ctx context.Context, list []Index, r *repository.Repository) (map[string]*finder, error) {
	finders := map[string]*finder{}
	for _, x := range list {
		m, err := r.Acquire(x.Bundle, "")
		if err != nil {
			return nil, fmt.Errorf("--index %s: %w", x.Path, err)
		}
		f, err := openIndex(ctx, x.Path)
		if err == nil {
			err = f.fits(m.Bundle().Model().Manifest().Latent)
		}
		m.Release()
		if err != nil {
			return nil, err
		}
		finders[x.Bundle] = f
	}
	return finders, nil
}

// openIndex opens an index, or reads codes.
func openIndex(ctx context.Context, path string) (*finder, error) {
	if x, err := index.OpenReadOnly(path); err == nil {
		ids := (&codefile.Codes{Source: path, Bytes: x.Bytes(), IDs: x.IDs()}).ID
		return &finder{path, x.Bytes(), x.Len(), x.Options().Bits == 0, ids, func(ctx context.Context, queries []byte, k int) ([][]codes.Match, error) {
			return x.Search(ctx, queries, k, index.Search{})
		}}, nil
	}
	all, err := codefile.Read(ctx, path, "auto")
	if err != nil {
		return nil, err
	}
	x, err := codes.NewIndex(8 * all.Bytes)
	if err == nil {
		err = x.Add(all.Packed)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, err, dataset.ErrData)
	}
	return &finder{path, all.Bytes, all.Len(), false, all.ID, x.Search}, nil
}

// fits reports codes that are not a bundle's.
func (f *finder) fits(l bundle.Latent) error {
	want, of := l.PackedBytes(), "packed codes"
	if f.indexed {
		want, of = l.Variables, "index codes"
	}
	if f.bytes != want {
		return fmt.Errorf("--index %s holds codes of %d bytes, the bundle's %s have %d: they come from different models: %w", f.source, f.bytes, of, want, dataset.ErrData)
	}
	return nil
}

// search answers POST /v1/search: pictures, rows or codes are the queries.
func (s *Server) search(w http.ResponseWriter, r *http.Request) error {
	m, err := s.bundleOf(r)
	if err != nil {
		return err
	}
	defer m.Release()
	f := s.finders[m.Name]
	if f == nil {
		return fmt.Errorf("%w: nothing is searched for codes of %s: start the server with --index %s=PATH", repository.ErrUnknown, m.Name, m.Name)
	}
	k, err := nearest(r.URL.Query().Get("k"), f.len)
	if err != nil {
		return err
	}
	ctx, cancel := s.within(r)
	defer cancel()
	e, err := s.queries(ctx, w, r, m, f)
	if err != nil {
		return err
	}
	queries := e.codes
	if l := m.Bundle().Model().Manifest().Latent; f.indexed {
		if queries, err = runtime.UnpackIndexes(l, nil, e.codes); err != nil {
			return err
		}
	}
	found, err := f.search(ctx, queries, k)
	if err != nil {
		return err
	}
	return s.write(w, map[string]any{"model": m.Name, "version": m.Version, "results": f.results(e, found)})
}

// nearest returns how many codes are asked for.
func nearest(text string, all int) (int, error) {
	if text == "" {
		return min(10, all), nil
	}
	k, err := strconv.Atoi(text)
	if err != nil || k < 1 || k > maxNearest {
		return 0, fmt.Errorf("%w: k is %.40q: use 1 to %d", oip.ErrRequest, text, maxNearest)
	}
	return min(k, all), nil
}

type match struct {
	Row      int    `json:"row"`
	ID       string `json:"id"`
	Distance int    `json:"distance"`
}

// results are what was found, query by query.
func (f *finder) results(e *encoded, found [][]codes.Match) []any {
	list := []any{}
	for i, matches := range found {
		near := []match{}
		for _, x := range matches {
			near = append(near, match{x.Row, visible.Text(f.id(x.Row)), x.Distance})
		}
		list = append(list, map[string]any{"query": visible.Text(e.names[i]), "code": hex.EncodeToString(e.codes[i*e.bytes:][:e.bytes]), "matches": near})
	}
	return list
}

// queries returns the codes that are searched for: {"codes": [hexadecimal, …]} or {"rows": [[number, …], …]} as JSON, or of pictures.
func (s *Server) queries(ctx context.Context, w http.ResponseWriter, r *http.Request, m *repository.Model, f *finder) (*encoded, error) {
	if of, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || of != "application/json" {
		return s.pictures(ctx, w, r, m)
	}
	b, err := s.readBody(w, r)
	if err != nil {
		return nil, err
	}
	defer b.free()
	var request struct {
		Codes []string    `json:"codes"`
		Rows  [][]float32 `json:"rows"`
	}
	if err := json.Unmarshal(b.data, &request); err != nil {
		return nil, fmt.Errorf("%w: the body is not the JSON that it should be: %w", oip.ErrRequest, err)
	}
	e := &encoded{bytes: m.Bundle().Model().Manifest().Latent.PackedBytes()}
	n := max(len(request.Codes), len(request.Rows))
	if n == 0 || len(request.Codes) > 0 && len(request.Rows) > 0 || n > m.MaxRows() {
		return nil, fmt.Errorf("%w: %d codes, %d rows: give one of them, at most %d", oip.ErrRequest, len(request.Codes), len(request.Rows), m.MaxRows())
	}
	for i := range n {
		e.names = append(e.names, strconv.Itoa(i))
	}
	if len(request.Rows) > 0 {
		e.codes, err = encodeRows(ctx, m, request.Rows)
		return e, err
	}
	for i, text := range request.Codes {
		code, err := hex.DecodeString(text)
		if err != nil || len(code) != e.bytes {
			return nil, fmt.Errorf("%w: code %d is %.100q: a code is %d hexadecimal digits", oip.ErrRequest, i, text, 2*e.bytes)
		}
		e.codes = append(e.codes, code...)
	}
	return e, nil
}

// encodeRows encodes rows of floats.
func encodeRows(ctx context.Context, m *repository.Model, rows [][]float32) ([]byte, error) {
	size := m.Bundle().Model().Manifest().Input.RowSize()
	var flat []float32
	for i, row := range rows {
		if len(row) != size {
			return nil, fmt.Errorf("%w: row %d has %d values, the model takes %d", oip.ErrRequest, i, len(row), size)
		}
		flat = append(flat, row...)
	}
	result, err := m.Run(ctx, oip.FP32, batcher.Bytes(flat), 1)
	if err != nil {
		return nil, err
	}
	return result.Outputs[0], nil
}
