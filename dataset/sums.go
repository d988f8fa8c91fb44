package dataset

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"sync"

	"github.com/catvae/catvae/dataset/internal/content"
)

// Sums says what rows were read from: a hash for each block of consecutive rows, over the bytes that the rows have in the
// source and over what says how to read them (a header, a seed). What a row becomes is not in it. A reader that is opened with
// Options.Sums fills it while it reads, by whatever way and in whatever batches, or while it only scans: see Reader.Scan.
// A block's sum is known once each of its rows was read or scanned, in one pass.
//
// Sums are equal where content is: a file and the same packed in gzip have the same ones. Names of pictures count as content, the
// name of the source does not. The hash is fast and no secret: it tells contents apart that were not made to collide. Sums by
// [Sums.Sampled] say nothing of the other rows.
//
// It is safe for concurrent use.
type Sums struct {
	mu          sync.Mutex
	every       int
	onlySampled bool
	rows        int
	byBlock     map[int]string
	bySample    map[int]string
}

// Every sets how many rows a block has; the last may have fewer. It is called before the first row is read.
func (s *Sums) Every(rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.every, s.byBlock, s.bySample = rows, map[int]string{}, map[int]string{}
}

// OnlySampled leaves out the sums of whole blocks, which cost most of the time. It is called where Every is.
func (s *Sums) OnlySampled() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onlySampled = true
}

// Block returns the sum of block i in hexadecimal, and false where not all of its rows were read.
func (s *Sums) Block(i int) (sum string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum, ok = s.byBlock[i]
	return sum, ok
}

// Sampled returns a sum over at most 16 rows of block i: the first, the last, and some evenly between. It is known where
// [Sums.Block] is, and after [Sums.ScanSampled]. It proves nothing about the other rows.
func (s *Sums) Sampled(i int) (sum string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum, ok = s.bySample[i]
	return sum, ok
}

// ScanSampled passes over block i, of which r comes to the first row next, and reads no more than the sampled rows where r
// can seek.
func (s *Sums) ScanSampled(r Reader, i int) error {
	first, rows, samples := s.block(i)
	at := first
	for _, row := range samples {
		if err := r.Skip(row - at); err != nil {
			return err
		}
		if err := r.Scan(1); err != nil {
			return err
		}
		at = row + 1
	}
	return r.Skip(first + rows - at)
}

// samplesOf is how many rows of a block are sampled.
const samplesOf = 16

// block returns a block's rows, and those that are sampled.
func (s *Sums) block(i int) (first, rows int, samples []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first = i * s.every
	rows = max(min(s.every, s.rows-first), 0)
	n := min(rows, samplesOf)
	for k := range n {
		samples = append(samples, first+int(int64(k)*int64(rows-1)/int64(max(n-1, 1))))
	}
	return first, rows, samples
}

func (s *Sums) put(to map[int]string, block int, h hash.Hash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	to[block] = hex.EncodeToString(h.Sum(nil))
}

// A Tally is what one reader reports its rows' bytes to. Nothing is done where nobody asked for sums: all methods take nil.
type Tally struct {
	sums *Sums
	head [content.Size]byte

	mu      sync.Mutex
	later   []*reported
	current int // block, -1 between blocks
	next    int // row
	end     int // of the block
	body    hash.Hash
	whole   bool // no row of the block was passed over
	sample  hash.Hash
	samples []int // rows of the block that are still to come
	sampled bool  // none of them was passed over
}

// reported are rows that are reported out of order, or will be.
type reported struct {
	first, n int
	parts    [][]byte // nil before
}

// Tally returns what a reader reports to that opens a source of some rows with these options: nil where nobody asked for sums.
// header is what else the rows depend on, such as a file's header.
func (o Options) Tally(rows int, header ...string) *Tally {
	if o.Sums == nil {
		return nil
	}
	if o.Rows > 0 {
		rows = min(rows, o.Rows)
	}
	o.Sums.mu.Lock()
	o.Sums.rows = rows
	o.Sums.mu.Unlock()
	h := content.New()
	for _, part := range header {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		io.WriteString(h, part)
	}
	return &Tally{sums: o.Sums, head: [content.Size]byte(h.Sum(nil)), current: -1, body: content.New(), sample: content.New()}
}

// Wanted reports whether anybody wants to know.
func (t *Tally) Wanted() bool { return t.every() > 0 }

// every returns the rows of a block, 0 where nobody wants sums.
func (t *Tally) every() int {
	if t == nil {
		return 0
	}
	t.sums.mu.Lock()
	defer t.sums.mu.Unlock()
	return t.sums.every
}

// Rows reports the bytes of n rows, from row first on: each part holds n pieces of equal size, one for each row. Rows are
// reported in order; a gap is a Skip.
func (t *Tally) Rows(first, n int, parts ...[]byte) {
	every := t.every()
	if every == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.add(every, first, n, parts)
}

// Later keeps the place of n rows, from row first on, whose bytes are only known when they are decoded. The function that it
// returns reports them, from any goroutine; it is nil where nobody wants them.
func (t *Tally) Later(first, n int) func(parts ...[]byte) {
	every := t.every()
	if every == 0 {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &reported{first: first, n: n}
	t.later = append(t.later, r)
	return func(parts ...[]byte) {
		t.mu.Lock()
		defer t.mu.Unlock()
		r.parts = parts
		for len(t.later) > 0 && t.later[0].parts != nil {
			t.add(every, t.later[0].first, t.later[0].n, t.later[0].parts)
			t.later = t.later[1:]
		}
	}
}

// add takes rows, cut at the borders of blocks.
func (t *Tally) add(every, first, n int, parts [][]byte) {
	for row, last := first, first+n; row < last; {
		if block := row / every; block != t.current {
			t.begin(block)
		}
		to := min(last, t.end)
		if t.whole = t.whole && row == t.next; t.whole {
			write(t.body, row-first, to-first, n, parts)
		}
		for len(t.samples) > 0 && t.samples[0] < to {
			if t.sampled = t.sampled && t.samples[0] >= row; t.sampled {
				write(t.sample, t.samples[0]-first, t.samples[0]-first+1, n, parts)
			}
			if t.samples = t.samples[1:]; len(t.samples) == 0 && t.sampled {
				t.sums.put(t.sums.bySample, t.current, t.sample)
			}
		}
		if to == t.end && t.whole {
			t.sums.put(t.sums.byBlock, t.current, t.body)
		}
		if row, t.next = to, to; to == t.end {
			t.current = -1
		}
	}
}

// begin begins the sums of a block with what they depend on besides the bytes of rows.
func (t *Tally) begin(block int) {
	first, rows, samples := t.sums.block(block)
	t.current, t.next, t.end, t.samples = block, first, first+rows, samples
	t.whole, t.sampled = !t.sums.onlySampled, true
	for what, h := range map[string]hash.Hash{"rows": t.body, "sample": t.sample} {
		h.Reset()
		fmt.Fprintf(h, "%s %d %d\n%s", what, first, rows, t.head[:])
	}
}

// write hashes the rows from, ..., to-1 of n: of each row a piece of each part.
func write(h hash.Hash, from, to, n int, parts [][]byte) {
	if len(parts) == 1 {
		size := len(parts[0]) / n
		h.Write(parts[0][from*size : to*size])
		return
	}
	for i := from; i < to; i++ {
		for _, p := range parts {
			size := len(p) / n
			h.Write(p[i*size:][:size])
		}
	}
}
