package codes

import (
	"context"
	"fmt"
	"slices"
)

// An Index holds codes in memory and finds the nearest ones by comparing with each: exactly, on all cores. Any number of
// goroutines may search it at once; none may search while one adds or deletes.
type Index struct {
	bits       int // of a packed code
	categories int // of each variable of an index code, 0 for packed codes
	size       int // bytes a code
	rows       int
	heads      []byte // of blocks of codes, see headBytes; the last block is padded with zeros
	tails      []byte
	deleted    bitset
	live       int // rows that are not deleted
}

// NewIndex returns an empty index for packed codes of the given number of bits.
func NewIndex(bits int) (*Index, error) {
	if err := check(nil, bits); err != nil {
		return nil, err
	}
	return &Index{bits: bits, size: Bytes(bits)}, nil
}

// MaxCategories is how many categories a variable of an index code can have.
const MaxCategories = 256

// NewCategories returns an empty index for index codes: a byte for each variable, which is its category.
func NewCategories(variables, categories int) (*Index, error) {
	if variables < 1 || variables > maxBits/8 || categories < 2 || categories > MaxCategories {
		return nil, fmt.Errorf("codes: index codes of %d variables, %d categories each: use 1 to %d variables and 2 to %d categories", variables, categories, maxBits/8, MaxCategories)
	}
	return &Index{categories: categories, size: variables}, nil
}

// Bits returns the number of bits of a packed code, 0 where codes are index codes.
func (x *Index) Bits() int { return x.bits }

// Categories returns the number of categories of a variable, 0 where codes are packed.
func (x *Index) Categories() int { return x.categories }

// Bytes returns the size of a code in bytes.
func (x *Index) Bytes() int { return x.size }

// Floats returns how many numbers a query by floats has.
func (x *Index) Floats() int {
	if x.categories > 0 {
		return x.size * x.categories
	}
	return x.bits
}

// Len returns the number of codes that were added.
func (x *Index) Len() int { return x.rows }

// Check reports bytes that are not codes of the index's kind.
func (x *Index) Check(codes []byte) error {
	if x.categories == 0 {
		return check(codes, x.bits)
	}
	if len(codes)%x.size != 0 {
		return fmt.Errorf("codes: %d bytes are not a whole number of index codes of %d variables", len(codes), x.size)
	}
	for i, c := range codes {
		if int(c) >= x.categories {
			return fmt.Errorf("codes: code %d has the category %d in variable %d: use 0 to %d", i/x.size, c, i%x.size, x.categories-1)
		}
	}
	return nil
}

// Add appends codes. The first code that was ever added is row 0. Bytes that are not codes are an error, and nothing is
// added.
func (x *Index) Add(codes []byte) error {
	if err := x.Check(codes); err != nil {
		return err
	}
	head := headBytes(x.size)
	blocks := (x.rows + len(codes)/x.size + lanes - 1) / lanes
	x.heads = slices.Grow(x.heads, blocks*lanes*head-len(x.heads))
	x.tails = slices.Grow(x.tails, blocks*lanes*(x.size-head)-len(x.tails))
	x.live += len(codes) / x.size
	for ; len(codes) > 0; codes = codes[x.size:] {
		x.heads = place(x.heads, codes[:head], x.rows%lanes)
		x.tails = place(x.tails, codes[head:x.size], x.rows%lanes)
		x.rows++
	}
	return nil
}

// place puts a part of a code into its lane of the last block, which it begins with lane 0.
func place(blocks, part []byte, lane int) []byte {
	if lane == 0 {
		blocks = append(blocks, make([]byte, lanes*len(part))...)
	}
	for i, last := 0, blocks[len(blocks)-lanes*len(part):]; i < len(part); i++ {
		last[i*lanes+lane] = part[i]
	}
	return blocks
}

// blocks returns the number of blocks.
func (x *Index) blocks() int { return (x.rows + lanes - 1) / lanes }

// Delete makes searches pass over a row. Other rows keep their numbers. A row that is deleted already, or that there is not,
// is left as it is.
func (x *Index) Delete(row int) {
	if row < 0 || row >= x.rows || x.deleted.has(row) {
		return
	}
	x.deleted.set(row)
	x.live--
}

// bitset is a set of rows.
type bitset []uint64

func (b bitset) has(i int) bool { return i/64 < len(b) && b[i/64]>>(i%64)&1 != 0 }

func (b *bitset) set(i int) {
	for i/64 >= len(*b) {
		*b = append(*b, 0)
	}
	(*b)[i/64] |= 1 << (i % 64)
}

// Search returns, for each query, its k nearest codes by their distance: the nearest first, of equally near ones the lower row
// first. The distance of packed codes is the number of bits that differ; that of index codes is twice the number of variables
// that differ, as it would be of their one-hot bits. k larger than the index means all. Every core takes pieces of the codes in
// turn. A done context ends it with ctx.Err().
func (x *Index) Search(ctx context.Context, queries []byte, k int) ([][]Match, error) {
	if err := x.Check(queries); err != nil {
		return nil, err
	}
	s := search{index: x, queries: len(queries) / x.size}
	if x.categories == 0 {
		of := make([]query, s.queries)
		for i := range of {
			of[i] = newQuery(queries[i*x.size:][:x.size])
		}
		s.comparer = func(i int) comparer { return &byDistance{query: &of[i]} }
	} else {
		of := make([]*scores, s.queries)
		for i := range of {
			of[i] = newScores(x, differences(queries[i*x.size:][:x.size], x.categories))
		}
		s.comparer = func(i int) comparer { return &byScore{scores: of[i]} }
	}
	return s.run(ctx, k, func(h hit) Match { return Match{Row: h.row, Distance: int(h.far)} })
}

// SearchFloats returns, for each query, its k nearest codes by their score: the largest first, of equal ones the lower row first.
// Queries are floats, one after the other. For packed codes a query q has a number for each bit, as [bits]; for index codes one
// for each category of each variable, as [variables, categories]:
//
//	Σ q[j] (2 bit[j] - 1)      packed codes
//	Σ q[v, code[v]]            index codes
//
// Sums are taken in float64 and rounded to float32 once. Those of packed codes are sums over four bits each, added up from the
// first to the last. The result is that of a loop over all codes, whatever the processor. A number that is not finite is an error,
// and so are numbers whose sum float32 cannot hold.
func (x *Index) SearchFloats(ctx context.Context, queries []float32, k int) ([][]Match, error) {
	n := x.Floats()
	if len(queries)%n != 0 {
		return nil, fmt.Errorf("codes: %d numbers are not a whole number of queries of %d", len(queries), n)
	}
	s := search{index: x, queries: len(queries) / n}
	of := make([]*scores, s.queries)
	for i := range of {
		if err := checkFloats(queries[i*n:][:n], i); err != nil {
			return nil, err
		}
		of[i] = newScores(x, queries[i*n:][:n])
	}
	s.comparer = func(i int) comparer { return &byScore{scores: of[i]} }
	return s.run(ctx, k, func(h hit) Match { return Match{Row: h.row, Score: float32(-h.far)} })
}
