package index

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/mapped"
)

// Options say what an index holds. They stay as they are.
type Options struct {
	Bits       int `json:"bits,omitempty"`       // of a packed code; or
	Variables  int `json:"variables,omitempty"`  // of an index code
	Categories int `json:"categories,omitempty"` // of each variable of an index code

	Graph   bool `json:"graph,omitempty"`   // of packed codes: their nearest ones can be found without looking at all
	Links   int  `json:"links,omitempty"`   // of a code in the graph, 4 to 128, twice as many at its lowest level; 0 means 16
	Breadth int  `json:"breadth,omitempty"` // how many near codes are held while a code is put into the graph, up to 10,000; 0 means 100
}

// withDefaults returns the options with what zeros mean.
func (o Options) withDefaults() Options {
	if o.Graph && o.Links == 0 {
		o.Links = 16
	}
	if o.Graph && o.Breadth == 0 {
		o.Breadth = 100
	}
	return o
}

// check reports options that make no index.
func (o Options) check() error {
	if _, err := o.flat(); err != nil {
		return err
	}
	switch {
	case !o.Graph:
		return nil
	case o.Bits == 0:
		return errors.New("index: graphs are of packed codes: leave the graph out")
	case o.Links < 4 || o.Links > 128 || o.Breadth < 1 || o.Breadth > 10_000:
		return fmt.Errorf("index: a graph of %d links, breadth %d: use 4 to 128, and 1 to 10000", o.Links, o.Breadth)
	}
	return nil
}

// flat returns an empty index of such codes in memory.
func (o Options) flat() (*codes.Index, error) {
	switch {
	case o.Bits == 0:
		return codes.NewCategories(o.Variables, o.Categories)
	case o.Variables != 0 || o.Categories != 0:
		return nil, errors.New("index: codes have bits, or variables and categories")
	}
	return codes.NewIndex(o.Bits)
}

// ErrReadOnly is the error of changing an index that was opened to be read.
var ErrReadOnly = errors.New("index: it was opened to be read only")

// An Index is an open folder of codes. It is safe for concurrent use; appending waits for searches that are under way.
type Index struct {
	dir      string
	options  Options
	size     int // bytes a code
	lock     *atomicfile.Lock
	readOnly bool
	writing  sync.Mutex // held by who changes the index

	memory  sync.RWMutex // of what follows
	log     *journal
	codes   *journal
	data    []byte // of the codes' file, which may be longer than what counts
	unmap   func() error
	rows    int
	ids     []string
	deleted map[int]bool
	flat    *codes.Index // of all rows; nil until it is needed
	graph   *graph       // nil where there is none
	changed bool         // since the graph was saved
}

// Names in the folder.
const (
	logName   = "log"
	codesName = "codes"
	graphName = "graph"
	lockName  = "lock"
)

// Create makes an empty index in a new folder.
func Create(dir string, o Options) (*Index, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	header, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	err = atomicfile.Dir(dir, false, func(tmp string) error {
		if err := os.WriteFile(filepath.Join(tmp, codesName), nil, 0o666); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(tmp, logName), appendRecord([]byte(magic), kindHeader, header), 0o666)
	})
	if err != nil {
		return nil, err
	}
	return Open(dir)
}

// Open opens an index to search and to change it. Only one process can have it open so. What an append that did not end has left
// behind is cut off.
func Open(dir string) (*Index, error) {
	lock, err := atomicfile.TryLock(filepath.Join(dir, lockName))
	if err != nil {
		return nil, fmt.Errorf("open the index %s: %w", dir, err)
	}
	x, err := open(dir, os.O_RDWR)
	if err != nil {
		lock.Release()
		return nil, err
	}
	x.lock = lock
	return x, nil
}

// OpenReadOnly opens an index to search it, as it is now. Another process may append to it meanwhile.
func OpenReadOnly(dir string) (*Index, error) { return open(dir, os.O_RDONLY) }

func open(dir string, mode int) (*Index, error) {
	log, err := os.OpenFile(filepath.Join(dir, logName), mode, 0)
	if err != nil {
		return nil, fmt.Errorf("open the index %s: %w", dir, err)
	}
	packed, err := os.OpenFile(filepath.Join(dir, codesName), mode, 0)
	if err != nil {
		return nil, fmt.Errorf("open the index %s: %w", dir, errors.Join(err, log.Close()))
	}
	x := &Index{dir: dir, log: &journal{f: log}, codes: &journal{f: packed}, unmap: func() error { return nil }}
	if err := x.load(mode == os.O_RDONLY); err != nil {
		return nil, fmt.Errorf("open the index %s: %w", dir, errors.Join(err, x.closeFiles()))
	}
	return x, nil
}

// load reads what the folder holds.
func (x *Index) load(readOnly bool) error {
	c, err := x.readLog()
	if err != nil {
		return err
	}
	x.options, x.rows, x.ids, x.deleted = c.options, c.rows, c.ids, c.deleted
	empty, err := c.options.flat()
	if err != nil {
		return err
	}
	x.size = empty.Bytes()
	if err := x.mapCodes(); err != nil {
		return err
	}
	if err := c.checkCodes(x.data, x.size); err != nil {
		return err
	}
	if readOnly {
		x.readOnly = true
	} else if err := errors.Join(x.log.cut(c.size), x.codes.cut(int64(x.rows*x.size))); err != nil {
		return err
	}
	if !x.options.Graph {
		return nil
	}
	x.graph, x.changed = openGraph(filepath.Join(x.dir, graphName), x.options, x.rows)
	return x.graph.insert(x.data, x.rows)
}

func (x *Index) readLog() (c contents, err error) {
	info, err := x.log.f.Stat()
	if err != nil {
		return c, err
	}
	data, unmap, err := mapped.Bytes(x.log.f, info.Size())
	if err != nil {
		return c, err
	}
	c, err = readLog(data)
	return c, errors.Join(err, unmap())
}

// mapCodes maps the codes that count.
func (x *Index) mapCodes() error {
	info, err := x.codes.f.Stat()
	if err != nil {
		return err
	}
	if info.Size()/int64(x.size) < int64(x.rows) {
		return fmt.Errorf("%d codes are in its file, and its log has %d: %w", info.Size()/int64(x.size), x.rows, ErrDamaged)
	}
	data, unmap, err := mapped.Bytes(x.codes.f, int64(x.rows*x.size))
	if err != nil {
		return err
	}
	old := x.unmap
	x.data, x.unmap = data, unmap
	return old()
}

// Options returns what the index holds.
func (x *Index) Options() Options { return x.options }

// Bytes returns the size of a code.
func (x *Index) Bytes() int { return x.size }

// Len returns the number of rows that were appended, deleted ones included.
func (x *Index) Len() int {
	x.memory.RLock()
	defer x.memory.RUnlock()
	return x.rows
}

// Deleted returns the number of rows that were deleted.
func (x *Index) Deleted() int {
	x.memory.RLock()
	defer x.memory.RUnlock()
	return len(x.deleted)
}

// IsDeleted reports whether a row was deleted.
func (x *Index) IsDeleted(row int) bool {
	x.memory.RLock()
	defer x.memory.RUnlock()
	return x.deleted[row]
}

// Codes returns a copy of all codes, one after the other, those of deleted rows included.
func (x *Index) Codes() []byte {
	x.memory.RLock()
	defer x.memory.RUnlock()
	return append([]byte(nil), x.data[:x.rows*x.size]...)
}

// IDs returns the ids of all rows, nil where they have none. It is not to be changed.
func (x *Index) IDs() []string {
	x.memory.RLock()
	defer x.memory.RUnlock()
	return x.ids[:len(x.ids):len(x.ids)]
}

// Append appends codes, with an id each or, where ids is nil, without; either all rows of an index have ids, or none has. It returns the
// number of the first of them. When it returns without an error, they are kept whatever happens; after an error, none is.
func (x *Index) Append(packed []byte, ids []string) (first int, err error) {
	x.writing.Lock()
	defer x.writing.Unlock()
	if err := x.checkRows(packed, ids); err != nil || len(packed) == 0 {
		return x.rows, err
	}
	before, rows := x.codes.size, len(packed)/x.size
	payload := appendPayload(packed, rows, ids)
	if int64(len(payload)) > maxRecord {
		return 0, fmt.Errorf("index: ids of %d rows are too many for one append: append fewer rows at once", rows)
	}
	if err := x.codes.write(packed); err != nil {
		return 0, err
	}
	if err := x.log.write(appendRecord(nil, kindAppend, payload)); err != nil {
		return 0, errors.Join(err, x.codes.cut(before))
	}
	first = x.rows
	return first, x.take(packed, ids)
}

// maxRecord is how large a record may be.
const maxRecord = 1<<32 - 1

// checkRows reports rows that cannot be appended.
func (x *Index) checkRows(packed []byte, ids []string) error {
	if x.readOnly {
		return ErrReadOnly
	}
	check, err := x.options.flat()
	if err == nil {
		err = check.Check(packed)
	}
	rows := len(packed) / x.size
	switch {
	case err != nil:
		return err
	case ids != nil && len(ids) != rows:
		return fmt.Errorf("index: %d ids of %d codes", len(ids), rows)
	case rows > maxRows-x.rows:
		return fmt.Errorf("index: %d codes and %d more: %d at most", x.rows, rows, maxRows)
	case rows > 0 && x.rows > 0 && (ids != nil) != (x.ids != nil):
		return errors.New("index: either all codes have ids, or none has")
	}
	return nil
}

// take makes codes that are kept part of what is searched.
func (x *Index) take(packed []byte, ids []string) error {
	x.memory.Lock()
	defer x.memory.Unlock()
	x.rows += len(packed) / x.size
	x.ids = append(x.ids, ids...)
	if err := x.mapCodes(); err != nil {
		return err
	}
	if x.flat != nil {
		if err := x.flat.Add(packed); err != nil {
			return err
		}
	}
	if x.graph != nil {
		x.changed = true
		return x.graph.insert(x.data, x.rows)
	}
	return nil
}

// Delete deletes rows: no search finds them any more. Rows that were deleted before are passed over. When it returns without an error,
// they stay deleted whatever happens.
func (x *Index) Delete(rows ...int) error {
	x.writing.Lock()
	defer x.writing.Unlock()
	if x.readOnly {
		return ErrReadOnly
	}
	var payload []byte
	for _, row := range rows {
		if row < 0 || row >= x.rows {
			return fmt.Errorf("index: there is no row %d: there are %d", row, x.rows)
		}
		payload = binary.AppendUvarint(payload, uint64(row))
	}
	if len(payload) == 0 {
		return nil
	}
	if err := x.log.write(appendRecord(nil, kindDelete, payload)); err != nil {
		return err
	}
	x.memory.Lock()
	defer x.memory.Unlock()
	for _, row := range rows {
		x.deleted[row] = true
		if x.flat != nil {
			x.flat.Delete(row)
		}
	}
	return nil
}

// A Search says how an index is searched.
type Search struct {
	Exact bool // every code is compared, also where there is a graph

	// Breadth is how many near codes are held on the way through the graph, k or more: larger finds more of the nearest ones, and takes
	// longer. 0 means 100, or k where that is more.
	Breadth int
}

// Search returns, for each query, its k nearest codes: see [codes.Index.Search] for distances and order. By the graph some of them may be
// missed.
func (x *Index) Search(ctx context.Context, queries []byte, k int, s Search) ([][]codes.Match, error) {
	flat, done, err := x.begin(s)
	if err != nil {
		return nil, err
	}
	defer done()
	if flat != nil {
		return flat.Search(ctx, queries, k)
	}
	check, err := x.options.flat()
	if err == nil {
		err = check.Check(queries)
	}
	if err == nil && k < 1 {
		err = fmt.Errorf("index: the %d nearest codes: use 1 or more", k)
	}
	if err != nil {
		return nil, err
	}
	out := make([][]codes.Match, len(queries)/x.size)
	return out, x.each(ctx, len(out), func(w *walker, i int) (err error) {
		out[i], err = w.matches(queries[i*x.size:][:x.size], k, s.breadth(k), x.deleted)
		return err
	})
}

func (s Search) breadth(k int) int {
	if s.Breadth == 0 {
		s.Breadth = 100
	}
	return max(k, s.Breadth)
}

// SearchFloats returns, for each query by floats, its k nearest codes: see [codes.Index.SearchFloats] for scores and order. By the graph
// they are the best of those that are near by the Hamming distance to the query's bits, as many as the search's breadth.
func (x *Index) SearchFloats(ctx context.Context, queries []float32, k int, s Search) ([][]codes.Match, error) {
	flat, done, err := x.begin(s)
	if err != nil {
		return nil, err
	}
	defer done()
	if flat != nil {
		return flat.SearchFloats(ctx, queries, k)
	}
	bits := x.options.Bits
	check, err := x.options.flat()
	if err == nil {
		_, err = check.SearchFloats(ctx, queries, max(k, 1)) // of no codes: only the queries are looked at
	}
	if err == nil && k < 1 {
		err = fmt.Errorf("index: the %d nearest codes: use 1 or more", k)
	}
	if err != nil {
		return nil, err
	}
	out := make([][]codes.Match, len(queries)/bits)
	return out, x.each(ctx, len(out), func(w *walker, i int) error {
		query := queries[i*bits:][:bits]
		found, err := w.matches(signs(query), s.breadth(k), s.breadth(k), x.deleted)
		for j, m := range found {
			found[j] = codes.Match{Row: m.Row, Score: codes.Score(x.data[m.Row*x.size:][:x.size], query)}
		}
		out[i] = nearestScores(found, k)
		return err
	})
}

// begin locks what is searched, and returns the flat index where no graph is searched.
func (x *Index) begin(s Search) (flat *codes.Index, done func(), err error) {
	x.memory.RLock()
	if x.graph != nil && !s.Exact {
		return nil, x.memory.RUnlock, nil
	}
	if x.flat != nil {
		return x.flat, x.memory.RUnlock, nil
	}
	x.memory.RUnlock()
	x.memory.Lock()
	if x.flat == nil {
		flat, err := x.options.flat()
		if err == nil {
			err = flat.Add(x.data[:x.rows*x.size])
		}
		if err != nil {
			x.memory.Unlock()
			return nil, nil, err
		}
		for row := range x.deleted {
			flat.Delete(row)
		}
		x.flat = flat
	}
	x.memory.Unlock()
	x.memory.RLock()
	return x.flat, x.memory.RUnlock, nil
}

// Save writes the graph, so that opening the index need not make it. Close does it, too.
func (x *Index) Save() error {
	x.writing.Lock()
	defer x.writing.Unlock()
	if x.graph == nil || x.readOnly || !x.changed {
		return nil
	}
	x.memory.RLock()
	defer x.memory.RUnlock()
	if err := x.graph.save(filepath.Join(x.dir, graphName)); err != nil {
		return err
	}
	x.changed = false
	return nil
}

// Close saves the graph and gives everything back. A second Close is harmless; nothing else may be called after the first.
func (x *Index) Close() error {
	if x.unmap == nil {
		return nil
	}
	err := errors.Join(x.Save(), x.closeFiles())
	if x.lock != nil {
		x.lock.Release()
	}
	return err
}

func (x *Index) closeFiles() (err error) {
	err = errors.Join(x.unmap(), x.codes.f.Close(), x.log.f.Close())
	x.data, x.unmap = nil, nil
	if x.graph != nil {
		err = errors.Join(err, x.graph.close())
	}
	return err
}
