package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/catvae/catvae/dataset/internal/reading"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/noise"
)

// A Set is rows in memory: bytes as bytes, floats as float32, and those of a [SparseReader] without their zeros. It is read-only and safe for concurrent use.
//
// Under a rule with one divisor ([dist.Values.Alike], [dist.Raw]) whole numbers of 0 to 255 are bytes, whatever type they have in
// the file. Equal rows are then equal sets, whatever they were read from.
type Set struct {
	Info
	Classes []string // what labels are called, in the order of the alphabet; nil where they are numbers or were not asked for

	bytes  []byte      // row after row; nil for others
	floats []float32   // row after row; nil for others
	sparse *sparseRows // nil for others
	labels []int32
	index  []int // which rows in memory are the set's, in its order; nil for all of them
	origin []int // which rows of the source are in memory; nil for all of them
	values dist.Values
	table  *[256]float32 // what bytes become
	bad    []error       // of rows that were passed over, in order
	most   int           // of them
	named  Identified    // nil where rows have no names, or nobody asked for them
	source int           // rows of the source, those that were not drawn too
}

// Load reads a source whole. See [Open] for what a source is, and for what a done context does. A bad row is an error, unless
// Options.MaxBad lets it be passed over.
func Load(ctx context.Context, source string, o Options) (*Set, error) {
	rule := o.Values.OrUnit()
	if o.Values = rule; rule.One {
		if err := rule.Check(); err != nil {
			return nil, fmt.Errorf("dataset: %w", err)
		}
		o.Values = dist.Raw()
	}
	s, err := load(ctx, source, o)
	if err == nil && rule.One {
		s.narrow()
		s, err = s.Scaled(rule)
	}
	if err != nil || o.Check == nil {
		return s, err
	}
	return s.checked(o.Check)
}

// load reads a source.
func load(ctx context.Context, source string, o Options) (*Set, error) {
	o.classes = new(classes)
	r, err := Open(ctx, source, o)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	s := &Set{Info: r.Info(), values: o.Values, table: tableOf(o.Values)}
	s.source = s.Rows
	drawn := draw(o.Draw, s.Rows, o.Seed)
	if drawn != nil {
		s.Rows = len(drawn)
	}
	s.most = Tolerated(o.MaxBad, s.Rows)
	if o.IDs {
		s.named, _ = r.(Identified)
	}
	size, rows := s.RowSize(), s.Rows
	raw, _ := r.(ByteReader)
	without, _ := r.(SparseReader)
	if without != nil && keepsZero(o.Values) {
		s.sparse = new(sparseRows)
	}
	row, pixels := make([]float32, size), make([]byte, size)
	at := 0               // the source's next row
	for i := range rows { // appended row by row: a header's word is not enough to allocate for
		if err := reading.Stopped(source, ctx.Err()); err != nil {
			return nil, err
		}
		n := i
		if drawn != nil {
			n = drawn[i]
		}
		if n > at {
			if err := r.Skip(n - at); err != nil {
				return nil, err
			}
		}
		at = n + 1
		var label int
		var columns []uint32
		var values []float32
		switch {
		case s.sparse != nil:
			columns, values, label, err = without.NextSparse(s.sparse.columns, s.sparse.values)
		case raw != nil:
			label, err = raw.NextBytes(pixels)
		default:
			label, err = r.Next(row)
		}
		if errors.Is(err, io.EOF) {
			return nil, &FormatError{File: source, Reason: fmt.Sprintf("it ends after %d of %d rows", n, s.source)}
		}
		if err == nil && label != int(int32(label)) {
			err = &FormatError{File: source, Reason: fmt.Sprintf("row %d has the label %d: labels have 32 bits", n, label)}
		}
		if err != nil {
			if err := s.passOver(err); err != nil {
				return nil, err
			}
			continue
		}
		switch {
		case s.sparse != nil:
			s.sparse.columns, s.sparse.values, s.sparse.ends = columns, values, append(s.sparse.ends, len(values))
		case raw != nil:
			s.bytes = append(s.bytes, pixels...)
		default:
			s.floats = append(s.floats, row...)
		}
		s.labels = append(s.labels, int32(label))
		s.origin = append(s.origin, n)
	}
	if len(s.bad) == 0 && drawn == nil {
		s.origin = nil
	}
	if s.Rows = len(s.labels); s.Rows == 0 {
		return nil, fmt.Errorf("dataset: %s: all of its %d rows are bad, the first: %w", source, rows, s.bad[0])
	}
	s.Classes = o.classes.settle(s.labels)
	if s.sparse != nil {
		s.dense()
	}
	return s, nil
}

// Tolerated returns how many of a number of rows a ratio is, rounded down: 0.29 of 100 is 29, though the binary product is less.
func Tolerated(ratio float64, rows int) int { return int(ratio*float64(rows) + 1e-6) }

// passOver counts a bad row, or returns the error that ends the reading.
func (s *Set) passOver(err error) error {
	if rowOf(err) < 0 {
		return err
	}
	if s.bad = append(s.bad, err); len(s.bad) <= s.most {
		return nil
	}
	if s.most == 0 {
		return err
	}
	return fmt.Errorf("dataset: more than %d bad rows, of which so many may be passed over, the first: %w", s.most, s.bad[0])
}

// narrow turns numbers into bytes where all of them are some.
func (s *Set) narrow() {
	if s.bytes != nil || s.sparse != nil {
		return
	}
	bytes := make([]byte, len(s.floats))
	for i, x := range s.floats {
		if bytes[i] = byte(max(0, min(x, 255))); float32(bytes[i]) != x {
			return
		}
	}
	s.bytes, s.floats = bytes, nil
}

// Scaled returns a set that was loaded by [dist.Raw] with its values by another rule with one divisor. Rows that the rule does not
// hold are bad: see Options.MaxBad.
func (s *Set) Scaled(v dist.Values) (*Set, error) {
	if s.values != dist.Raw() || !v.One {
		return nil, fmt.Errorf("dataset: the values of %s are scaled already, or are to be by two rules: load it with dist.Raw", s.Source)
	}
	if err := v.Check(); err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	if v == s.values {
		return s, nil
	}
	to := *s
	to.values, to.table, to.bad, to.index = v, tableOf(v), slices.Clone(s.bad), nil
	size := s.RowSize()
	if s.floats != nil && !v.Plain() {
		to.floats = make([]float32, len(s.floats))
	}
	for i := range s.Len() {
		at, err := s.at(i), error(nil)
		if s.sparse != nil {
			err = s.scaledSparse(i, v)
		} else if s.bytes != nil {
			for j, b := range s.bytes[at*size:][:size] {
				if !v.Contains(to.table[b]) {
					err = s.outside(i, j, float64(b), to.table[b], v)
					break
				}
			}
		} else {
			for j, x := range s.floats[at*size:][:size] {
				becomes := v.Number(float64(x))
				if !v.Contains(becomes) {
					err = s.outside(i, j, float64(x), becomes, v)
					break
				}
				if !v.Plain() {
					to.floats[at*size+j] = becomes
				}
			}
		}
		if err == nil {
			to.index = append(to.index, at)
		} else if err := to.passOver(err); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(to.bad, func(a, b error) int { return rowOf(a) - rowOf(b) })
	if to.Rows = len(to.index); to.Rows == 0 {
		return nil, fmt.Errorf("dataset: %s: all of its rows are bad, the first: %w", s.Source, to.bad[0])
	}
	if to.Rows == len(to.labels) && s.index == nil {
		to.index = nil
	}
	return &to, nil
}

// checked returns the rows that a check does not refuse. Those that it does are bad: see Options.MaxBad.
func (s *Set) checked(check func(row []float32) error) (*Set, error) {
	to, good := *s, []int{}
	to.bad = slices.Clone(s.bad)
	row := make([]float32, s.RowSize())
	for i := range s.Len() {
		s.Row(i, row)
		err := check(row)
		if err == nil {
			good = append(good, i)
			continue
		}
		if err := to.passOver(&RowError{File: s.Source, Row: s.Origin(i), Reason: err.Error()}); err != nil {
			return nil, err
		}
	}
	if len(good) == s.Len() {
		return s, nil
	}
	if len(good) == 0 {
		return nil, fmt.Errorf("dataset: %s: all of its rows are bad, the first: %w", s.Source, to.bad[0])
	}
	slices.SortFunc(to.bad, func(a, b error) int { return rowOf(a) - rowOf(b) })
	return to.Select(good), nil
}

func (s *Set) outside(i, j int, x float64, becomes float32, v dist.Values) error {
	return &ValueError{File: s.Source, Row: s.Origin(i), Column: j, Value: x, Becomes: becomes, Values: v}
}

// An Extent says what numbers rows hold.
type Extent struct {
	Least, Most     float32
	LeastAt, MostAt Place // the first
	Whole           bool  // all of them are whole
	Fraction        float32
	FractionAt      Place // the first, where not all are whole
}

// A Place is a number's in a source.
type Place struct{ Row, Column int } // from 0

// Extent looks at every number of a set.
func (s *Set) Extent() Extent {
	e := Extent{Whole: true, Least: float32(math.Inf(1)), Most: float32(math.Inf(-1))}
	size := s.RowSize()
	row := make([]float32, size)
	for i := range s.Len() {
		s.Row(i, row)
		at := func(j int) Place { return Place{s.Origin(i), j} }
		for j, x := range row {
			if x < e.Least {
				e.Least, e.LeastAt = x, at(j)
			}
			if x > e.Most {
				e.Most, e.MostAt = x, at(j)
			}
			if e.Whole && float64(x) != math.Trunc(float64(x)) {
				e.Whole, e.Fraction, e.FractionAt = false, x, at(j)
			}
		}
	}
	return e
}

// draw returns so many of the numbers of rows, drawn by a seed, in their order; nil where there are no more.
func draw(n, rows int, seed uint64) []int {
	if n == 0 || n >= rows {
		return nil
	}
	all := noise.Stream{Seed: seed, Purpose: noise.Named("rows")}.Permutation(rows, 0)
	return slices.Sorted(slices.Values(all[:n]))
}

// SourceRows returns the number of the source's rows, bad ones and those that were not drawn among them.
func (s *Set) SourceRows() int { return s.source }

// Len returns the number of rows.
func (s *Set) Len() int { return s.Rows }

// at returns where row i is in memory.
func (s *Set) at(i int) int {
	if s.index != nil {
		return s.index[i]
	}
	return i
}

// Origin returns which row of the source row i is.
func (s *Set) Origin(i int) int {
	if i = s.at(i); s.origin != nil {
		return s.origin[i]
	}
	return i
}

// Named reports whether rows have names and [Options].IDs asked for them.
func (s *Set) Named() bool { return s.named != nil }

// ID returns the name of row i as [Identified] has it, or where it has none the number of the row of the source.
func (s *Set) ID(i int) string {
	if i = s.Origin(i); s.named != nil {
		return s.named.ID(i)
	}
	return strconv.Itoa(i)
}

// Bad returns the errors of the source's rows that were passed over, in their order, each with a method BadRow.
func (s *Set) Bad() []error { return slices.Clone(s.bad) }

// Label returns the label of row i, -1 where there is none or where none was asked for. Where there are Classes it is the number of
// one of them.
func (s *Set) Label(i int) int { return int(s.labels[s.at(i)]) }

// Values returns the rule by which the rows' values were made.
func (s *Set) Values() dist.Values { return s.values }

// Row writes row i to dst: values by the rule of [Set.Values].
func (s *Set) Row(i int, dst []float32) {
	size := s.RowSize()
	if i = s.at(i); s.sparse != nil {
		s.sparseRow(i, dst)
		return
	}
	if s.bytes == nil {
		copy(dst, s.floats[i*size:][:size])
		return
	}
	greyOf(dst, s.bytes[i*size:][:size], s.table)
}

// Bytes returns row i as it is stored, or nil where rows are floats.
func (s *Set) Bytes(i int) []byte {
	if s.bytes == nil {
		return nil
	}
	size := s.RowSize()
	return s.bytes[s.at(i)*size:][:size]
}

// Slice returns the rows from, …, to-1 as a set of their own, sharing memory.
func (s *Set) Slice(from, to int) *Set {
	rows := make([]int, to-from)
	for i := range rows {
		rows[i] = from + i
	}
	return s.Select(rows)
}

// Select returns some rows as a set of their own, in the order given, sharing memory.
func (s *Set) Select(rows []int) *Set {
	part := *s
	part.Rows, part.index = len(rows), make([]int, len(rows))
	for i, row := range rows {
		part.index[i] = s.at(row)
	}
	return &part
}

// Fingerprint returns the SHA-256 of shape and values in hexadecimal: equal data have equal ones, wherever they are
// read from.
func (s *Set) Fingerprint() string {
	h := sha256.New()
	dtype, size := s.DType, s.RowSize()
	if s.values.One {
		if dtype = "float32"; s.bytes != nil || s.sparse != nil && s.sparse.bytes {
			dtype = "uint8"
		}
	}
	fmt.Fprintln(h, s.Rows, s.Shape, dtype)
	if s.sparse != nil {
		s.writeSparse(h, dtype == "uint8")
		return hex.EncodeToString(h.Sum(nil))
	}
	buf := make([]byte, 0, 4*size)
	for i := range s.Len() {
		if s.bytes != nil {
			h.Write(s.Bytes(i))
			continue
		}
		buf = buf[:0]
		for _, x := range s.floats[s.at(i)*size:][:size] {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(x))
		}
		h.Write(buf)
	}
	return hex.EncodeToString(h.Sum(nil))
}
