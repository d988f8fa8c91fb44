package explore

import (
	"context"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strconv"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/cmd/internal/codefile"
	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/codes/index"
	"github.com/catvae/catvae/dataset"
)

// Codes are the codes of a file or an index, in which the nearest are looked for.
type Codes struct {
	Source string
	Bytes  int      // of a packed code
	Packed []byte   // code after code
	IDs    []string // nil: codes are called by their numbers

	find    func(ctx context.Context, code []byte, k int) ([]codes.Match, error)
	deleted func(code int) bool // nil: none is
	rows    map[int]int         // of codes, the rows that they were made of; nil: none is at hand
	close   func() error
}

// ReadCodes reads a file of codes, packed or index codes, for a model's variables. text says how text holds them: see package codefile.
func ReadCodes(ctx context.Context, path, text string, l bundle.Latent) (*Codes, error) {
	file, err := codefile.Read(ctx, path, text)
	if err != nil {
		return nil, err
	}
	c := &Codes{Source: path, IDs: file.IDs}
	if err := c.take(file.Packed, file.Bytes, l); err != nil {
		return nil, err
	}
	return c, c.compareAll()
}

// OpenIndex opens an index of codes for a model's variables. It must be closed.
func OpenIndex(dir string, l bundle.Latent) (*Codes, error) {
	x, err := index.OpenReadOnly(dir)
	if err != nil {
		return nil, err
	}
	c := &Codes{Source: dir, IDs: x.IDs(), deleted: x.IsDeleted, close: x.Close}
	if err := c.take(x.Codes(), x.Bytes(), l); err != nil {
		x.Close() // only read
		return nil, err
	}
	if x.Options().Bits == 0 { // index codes, which are packed here
		return c, c.compareAll()
	}
	c.find = func(ctx context.Context, code []byte, k int) ([]codes.Match, error) {
		found, err := x.Search(ctx, code, k, index.Search{})
		if err != nil {
			return nil, err
		}
		return found[0], nil
	}
	return c, nil
}

// Close closes the index. The codes cannot be used any more.
func (c *Codes) Close() error {
	if c.close == nil {
		return nil
	}
	return c.close()
}

// take takes codes as packed codes: index codes become the one-hot bits of their categories.
func (c *Codes) take(data []byte, size int, l bundle.Latent) error {
	c.Bytes = l.PackedBytes()
	if size == c.Bytes && (l.Categories == 0 || oneHot(data, size, l)) {
		c.Packed = data
		return nil
	}
	if size != l.Variables || !l.Indexed() {
		return fmt.Errorf("%s has codes of %d bytes, the model's have %d: they come from different models: %w", c.Source, size, c.Bytes, dataset.ErrData)
	}
	for at := 0; at < len(data); at += size {
		code := make([]byte, c.Bytes)
		for v, k := range data[at:][:size] {
			if int(k) >= l.Categories {
				return fmt.Errorf("code %d of %s has category %d in variable %d, which has %d: it comes from another model: %w", at/size, c.Source, k, v, l.Categories, dataset.ErrData)
			}
			bit := v*l.Categories + int(k)
			code[bit/8] |= 128 >> (bit % 8)
		}
		c.Packed = append(c.Packed, code...)
	}
	return nil
}

// oneHot reports codes that have one category set in each variable.
func oneHot(data []byte, size int, l bundle.Latent) bool {
	for ; len(data) > 0; data = data[size:] {
		code, set := data[:size], 0
		for _, b := range code {
			set += bits.OnesCount8(b)
		}
		if set != l.Variables {
			return false
		}
		for v := range l.Variables {
			in := 0
			for bit := v * l.Categories; bit < (v+1)*l.Categories; bit++ {
				in += int(code[bit/8] >> (7 - bit%8) & 1)
			}
			if in != 1 {
				return false
			}
		}
	}
	return true
}

// compareAll looks for the nearest codes by comparing with each.
func (c *Codes) compareAll() error {
	x, err := codes.NewIndex(8 * c.Bytes)
	if err == nil {
		err = x.Add(c.Packed)
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %w", c.Source, err, dataset.ErrData)
	}
	for code := range c.Len() {
		if c.deleted != nil && c.deleted(code) {
			x.Delete(code)
		}
	}
	c.find = func(ctx context.Context, code []byte, k int) ([]codes.Match, error) {
		found, err := x.Search(ctx, code, k)
		if err != nil {
			return nil, err
		}
		return found[0], nil
	}
	return nil
}

// Len returns the number of codes, deleted ones too.
func (c *Codes) Len() int { return len(c.Packed) / c.Bytes }

// Match pairs the codes with the rows that they were made of: by their names where both have some, else by their numbers where the source has
// as many rows as there are codes, of which only the first may be at hand. It returns false where neither fits, and where the model gives other
// codes of these rows: then nothing is paired.
func (e *Explorer) Match(ctx context.Context, of int) (bool, error) {
	c := e.Codes
	if !c.pair(e.Rows, of) {
		return false, nil
	}
	differ, total := 0, 0
	for _, code := range slices.Sorted(maps.Keys(c.rows)) {
		if total == compared*8*c.Bytes {
			break
		}
		packed, err := e.Model.Encode(ctx, nil, e.rows(c.rows[code], 1))
		if err != nil {
			return false, err
		}
		differ, total = differ+codes.Distance(packed, c.Packed[code*c.Bytes:][:c.Bytes]), total+8*c.Bytes
	}
	if differ*mostDiffering <= total {
		return true, nil
	}
	c.rows = nil
	return false, nil
}

// Codes of so many rows are compared with the model's, and at most one bit in so many may differ: variants of few bits differ in one of 100, codes of
// other rows in one of five or so.
const (
	compared      = 64
	mostDiffering = 20
)

// pair pairs codes with rows: see [Explorer.Match].
func (c *Codes) pair(rows *dataset.Set, of int) bool {
	named := c.IDs != nil && rows.Named()
	if !named && of != c.Len() {
		return false
	}
	byName := map[string]int{}
	for i := range rows.Len() {
		byName[rows.ID(i)] = i // of rows without names it is the number in the source
	}
	c.rows = map[int]int{}
	for code := range c.Len() {
		name := strconv.Itoa(code)
		if named {
			name = c.IDs[code]
		}
		if row, ok := byName[name]; ok {
			c.rows[code] = row
		}
	}
	return len(c.rows) > 0
}

// name returns what a code is called.
func (c *Codes) name(code int) string {
	if c.IDs != nil {
		return c.IDs[code]
	}
	return "code " + strconv.Itoa(code)
}

// row returns the row that a code was made of, -1 where it is not at hand.
func (c *Codes) row(code int) int {
	if row, ok := c.rows[code]; ok {
		return row
	}
	return -1
}

// A neighbour is a code that is near to another.
type neighbour struct {
	Code     int    `json:"code"` // its number
	Name     string `json:"name"`
	Distance int    `json:"distance"` // bits that differ
	Row      int    `json:"row"`      // of which it was made, -1 where that is not at hand
}

// nearest returns the k nearest codes, the nearest first.
func (c *Codes) nearest(ctx context.Context, code []byte, k int) ([]neighbour, error) {
	found, err := c.find(ctx, code, k)
	if err != nil {
		return nil, err
	}
	list := make([]neighbour, len(found))
	for i, m := range found {
		list[i] = neighbour{Code: m.Row, Name: c.name(m.Row), Distance: m.Distance, Row: c.row(m.Row)}
	}
	return list, nil
}

// A shelf is what a page that stands alone holds of codes.
type shelf struct {
	packed []byte
	names  []string
	rows   []int
}

// shelved returns the first codes that are not deleted, at most so many. rows is how many rows the page holds.
func (c *Codes) shelved(most, rows int) (s shelf) {
	for code := 0; code < c.Len() && len(s.rows) < most; code++ {
		if c.deleted != nil && c.deleted(code) {
			continue
		}
		s.packed = append(s.packed, c.Packed[code*c.Bytes:][:c.Bytes]...)
		s.names = append(s.names, c.name(code))
		row := c.row(code)
		if row >= rows {
			row = -1
		}
		s.rows = append(s.rows, row)
	}
	return s
}

// live is how many codes are not deleted.
func (c *Codes) live() int {
	if c.deleted == nil {
		return c.Len()
	}
	dead := 0
	for code := range c.Len() {
		if c.deleted(code) {
			dead++
		}
	}
	return c.Len() - dead
}
