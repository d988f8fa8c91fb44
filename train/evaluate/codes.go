package evaluate

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math"
	"slices"

	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
)

// An Encoder gives packed hard codes, those that are shipped: runtime.Model is one.
type Encoder interface {
	Encode(ctx context.Context, dst []byte, rows []float32) ([]byte, error)
}

// CodeUse says how much of the hard codes is used. They are those that infer writes: of the rows as they are, not binarised,
// each bit decided by the threshold. A posterior may move by a little, and count as active, while its bit never changes.
type CodeUse struct {
	Rows         int       `json:"rows"`
	DistinctRows int       `json:"distinct_rows"`
	Distinct     int       `json:"distinct_codes"`
	Bits         int       `json:"bits"`
	Entropy      float64   `json:"entropy"`        // the sum of the bits' entropies, each bit taken alone; in bits
	Dead         int       `json:"dead_bits"`      // that are the same in every row
	Duplicate    int       `json:"duplicate_bits"` // that are equal to an earlier bit, or its opposite, in every row; dead ones do not count
	Each         []HardBit `json:"-"`
}

// HardBit is the use of one bit of the hard codes.
type HardBit struct {
	Mean    float64 // the share of rows in which it is set
	Entropy float64 // -p log₂ p - (1-p) log₂(1-p) of that share, in bits
	Like    int     // the first bit that it is equal or opposite to, -1 for none and for dead bits
}

// Dead reports whether the bit is the same in every row.
func (b HardBit) Dead() bool { return b.Mean == 0 || b.Mean == 1 }

// Codes measures the hard codes of a set's first rows, of all of them where limit is 0.
func Codes(ctx context.Context, c Encoder, bits int, set *dataset.Set, limit int) (CodeUse, error) {
	n := set.Len()
	if limit > 0 {
		n = min(n, limit)
	}
	u := newCodeCount(bits)
	err := EachCodes(ctx, c, bits, set, n, func(packed []byte, from int) error {
		u.add(packed, set, from)
		return nil
	})
	if err != nil {
		return CodeUse{}, err
	}
	return u.use(), nil
}

// EachCodes calls f with the packed codes of a set's first n rows, some at a time, and the number of the first of these; the codes are valid until f
// returns.
func EachCodes(ctx context.Context, c Encoder, bits int, set *dataset.Set, n int, f func(packed []byte, from int) error) error {
	size := set.RowSize()
	rows, packed := make([]float32, min(n, evaluationChunk)*size), []byte(nil)
	for from := 0; from < n; from += evaluationChunk {
		some := min(evaluationChunk, n-from)
		for i := range some {
			set.Row(from+i, rows[i*size:][:size])
		}
		var err error
		if packed, err = encoded(ctx, c, packed[:0], bits, rows[:some*size], some); err != nil {
			return err
		}
		if err := f(packed, from); err != nil {
			return err
		}
	}
	return nil
}

// encoded appends the packed codes of n rows to dst.
func encoded(ctx context.Context, c Encoder, dst []byte, bits int, rows []float32, n int) ([]byte, error) {
	packed, err := c.Encode(ctx, dst, rows)
	if err == nil && len(packed)-len(dst) != n*codes.Bytes(bits) {
		err = fmt.Errorf("evaluate: %d rows have codes of %d bytes: want %d of %d bits each", n, len(packed)-len(dst), codes.Bytes(bits), bits)
	}
	return packed, err
}

// A codeCount counts hard codes. What it compares it compares by hashes of 64 bits: of rows, of codes, and of each bit's
// column of all rows.
type codeCount struct {
	seed    maphash.Seed
	rows    int
	ones    []int
	first   []byte   // the bits of the first row, packed
	columns []uint64 // the hash of each bit's column so far, turned so that it begins with 0
	seen    map[uint64]struct{}
	inputs  map[uint64]struct{}
	column  []byte
	row     []byte
	values  []float32
}

func newCodeCount(bits int) *codeCount {
	return &codeCount{seed: maphash.MakeSeed(), ones: make([]int, bits), columns: make([]uint64, bits), seen: map[uint64]struct{}{}, inputs: map[uint64]struct{}{}}
}

// add counts the packed codes of rows of a set.
func (u *codeCount) add(packed []byte, set *dataset.Set, from int) {
	bytes := codes.Bytes(len(u.ones))
	n := len(packed) / bytes
	if u.rows == 0 {
		u.first = append(u.first, packed[:bytes]...)
	}
	for i := range n {
		u.seen[maphash.Bytes(u.seed, packed[i*bytes:][:bytes])] = struct{}{}
		u.inputs[maphash.Bytes(u.seed, u.content(set, from+i))] = struct{}{}
	}
	for bit := range u.ones {
		at, mask := bit/8, byte(0x80)>>(bit%8)
		u.column = binary.LittleEndian.AppendUint64(u.column[:0], u.columns[bit])
		for i := range n {
			set := packed[i*bytes+at]&mask != 0
			if set {
				u.ones[bit]++
			}
			u.column = append(u.column, b2i(set != (u.first[at]&mask != 0)))
		}
		u.columns[bit] = maphash.Bytes(u.seed, u.column)
	}
	u.rows += n
}

// content returns what makes a row of a set equal to another: its bytes, where the set holds bytes. It is valid until the next call.
func (u *codeCount) content(set *dataset.Set, row int) []byte {
	if b := set.Bytes(row); b != nil {
		return b
	}
	u.values = slices.Grow(u.values[:0], set.RowSize())[:set.RowSize()]
	set.Row(row, u.values)
	u.row = u.row[:0]
	for _, x := range u.values {
		u.row = binary.LittleEndian.AppendUint32(u.row, math.Float32bits(x))
	}
	return u.row
}

func b2i(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func (u *codeCount) use() CodeUse {
	r := CodeUse{Rows: u.rows, DistinctRows: len(u.inputs), Distinct: len(u.seen), Bits: len(u.ones)}
	earlier := map[uint64]int{}
	for bit, ones := range u.ones {
		b := HardBit{Mean: float64(ones) / float64(max(u.rows, 1)), Like: -1}
		b.Entropy = codes.Entropy(b.Mean)
		r.Entropy += b.Entropy
		like, known := earlier[u.columns[bit]]
		switch {
		case b.Dead():
			r.Dead++
		case known:
			r.Duplicate++
			b.Like = like
		default:
			earlier[u.columns[bit]] = bit
		}
		r.Each = append(r.Each, b)
	}
	return r
}

// String says it in a line.
func (u CodeUse) String() string {
	return fmt.Sprintf("%d distinct codes of %d distinct rows, the bits one by one have an entropy of %.1f of %d (%.2f a bit), %d dead and %d duplicate bits",
		u.Distinct, u.DistinctRows, u.Entropy, u.Bits, u.Entropy/float64(max(u.Bits, 1)), u.Dead, u.Duplicate)
}

// The limits of [Evaluation.Warnings].
const (
	fewCodes  = 20       // one code for so many rows
	littleKL  = math.Ln2 // nats: the codes say less than a bit of a row
	judgeable = 100      // distinct rows from which bits are judged
	smallPart = 0.1      // of what the variables can say at most
)

// Warnings says what looks like a collapse, a model whose codes tell little of the rows: a line each, none where nothing does.
func (e Evaluation) Warnings(l dist.Latent) (lines []string) {
	if e.KL < min(littleKL, smallPart*l.MaxKL()) {
		line := fmt.Sprintf("the codes say next to nothing of the rows: KL is %.2g nats a row", e.KL)
		if most := l.MaxKL(); !math.IsInf(most, 1) {
			line += fmt.Sprintf(", of %.4g at most", most)
		}
		lines = append(lines, line)
	}
	u := e.Codes
	if u == nil || u.DistinctRows < 2 {
		return lines
	}
	if most := min(u.DistinctRows, l.Count(u.DistinctRows)); u.Distinct == 1 || u.Distinct*fewCodes < most {
		lines = append(lines, fmt.Sprintf("few rows can be told apart: %d distinct codes of %d distinct rows", u.Distinct, u.DistinctRows))
	}
	free := 0 // one of a categorical variable's bits follows from the others
	for _, p := range l.Parts() {
		free += p.Variables * max(p.Choices(0)-1, 1)
	}
	if used := u.Bits - u.Dead - u.Duplicate; u.DistinctRows >= judgeable && 2*used < free {
		lines = append(lines, fmt.Sprintf("most bits tell nothing: %d of %d are the same in every row, %d repeat another", u.Dead, u.Bits, u.Duplicate))
	}
	return lines
}
