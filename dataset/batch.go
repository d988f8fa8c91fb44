package dataset

import (
	"errors"
	"io"
	"sync"

	"github.com/catvae/catvae/dataset/internal/reading"
	"github.com/catvae/catvae/dist"
)

// Decode puts the rows in place that were read before: see [Reader].
type Decode = func() (bad []error, err error)

// pool recycles the memory of rows between reading and decoding.
type pool struct{ sync.Pool }

// get returns n bytes of any content.
func (p *pool) get(n int) []byte {
	if b, ok := p.Get().(*[]byte); ok && cap(*b) >= n {
		return (*b)[:n]
	}
	return make([]byte, n)
}

func (p *pool) put(b []byte) { p.Put(&b) }

// greyOf writes bytes as the numbers that a table has for them.
func greyOf(dst []float32, bytes []byte, table *[256]float32) {
	for i, b := range bytes {
		dst[i] = table[b]
	}
}

// unit is the table of [dist.Unit]: b/255.
var unit = dist.Unit().Table()

// tableOf returns what each byte becomes by a rule.
func tableOf(v dist.Values) *[256]float32 {
	if v == dist.Unit() {
		return &unit
	}
	table := v.Table()
	return &table
}

// scanBytes is about what is read at once where rows are only scanned.
const scanBytes = 1 << 18

// scan passes over rows of size bytes by reading them, as many at once as memory is given for.
func scan(rows, size int, p *pool, read func(dst []byte) (int, error)) error {
	raw := p.get(max(scanBytes/size, 1) * size)
	defer p.put(raw)
	for rows > 0 {
		n, err := read(raw[:min(len(raw)/size, rows)*size])
		if errors.Is(err, io.EOF) && n == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		rows -= n
	}
	return nil
}

// rowOf returns the row that an error is about, -1 where it is about none.
func rowOf(err error) int {
	var bad interface{ BadRow() int }
	if !errors.As(err, &bad) {
		return -1
	}
	return bad.BadRow()
}

// floatsOfBytes reads rows of bytes, from row first on, and leaves their scaling to whoever decodes.
func floatsOfBytes(dst []float32, size, first int, p *pool, table *[256]float32, read func(dst []byte) (int, Decode, error)) (int, Decode, error) {
	if _, err := reading.RowsIn(len(dst), size, 1); err != nil {
		return 0, nil, err
	}
	raw := p.get(len(dst))
	n, decode, err := read(raw)
	if n == 0 || err != nil {
		p.put(raw)
		return 0, nil, err
	}
	return n, func() (bad []error, err error) {
		defer p.put(raw)
		if decode != nil {
			bad, err = decode()
		}
		greyOf(dst, raw[:n*size], table)
		for _, err := range bad { // zeros, whatever a byte of 0 becomes
			if row := rowOf(err); row >= 0 {
				clear(dst[(row-first)*size:][:size])
			}
		}
		return bad, err
	}, nil
}
