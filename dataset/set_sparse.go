package dataset

import (
	"encoding/binary"
	"hash"
	"math"

	"github.com/catvae/catvae/dist"
)

// sparseRows are rows without their zeros: 8 bytes a number, and 8 a row.
type sparseRows struct {
	ends    []int     // where each row's numbers end
	columns []uint32  // ascending in a row
	values  []float32 // as they were read
	bytes   bool      // all of them are whole numbers of 0 to 255
}

// row returns the columns and values of a row in memory.
func (r *sparseRows) row(i int) (columns []uint32, values []float32) {
	from := 0
	if i > 0 {
		from = r.ends[i-1]
	}
	return r.columns[from:r.ends[i]], r.values[from:r.ends[i]]
}

// keepsZero reports a rule by which 0 stays 0, so that rows may be kept without their zeros.
func keepsZero(v dist.Values) bool {
	zero := v.Number(0)
	return zero == 0 && !math.Signbit(float64(zero)) && v.Contains(zero)
}

// dense puts the zeros back where rows without them would not be smaller: as bytes or as floats.
func (s *Set) dense() {
	r, size := s.sparse, s.RowSize()
	r.bytes = true
	for _, x := range r.values {
		if b := byte(max(0, min(x, 255))); float32(b) != x {
			r.bytes = false
			break
		}
	}
	each := 4
	if r.bytes {
		each = 1
	}
	if rows := len(r.ends); rows > 0 && (8*len(r.values)+8*rows)/rows < each*size {
		return
	}
	s.floats = make([]float32, len(r.ends)*size)
	for i := range r.ends {
		columns, values := r.row(i)
		for j, c := range columns {
			s.floats[i*size+int(c)] = values[j]
		}
	}
	s.sparse = nil
}

// sparseRow writes a row in memory to dst: see [Set.Row].
func (s *Set) sparseRow(at int, dst []float32) {
	clear(dst)
	columns, values := s.sparse.row(at)
	scale := s.values.One && !s.values.Plain()
	for j, c := range columns {
		if dst[c] = values[j]; scale {
			dst[c] = s.values.Number(float64(values[j]))
		}
	}
}

// writeSparse writes what [Set.Fingerprint] is of: rows with their zeros, as bytes where all of them are some.
func (s *Set) writeSparse(h hash.Hash, bytes bool) {
	size := s.RowSize()
	row, buf := make([]float32, size), make([]byte, 0, 4*size)
	for i := range s.Len() {
		if buf = buf[:0]; bytes {
			buf = buf[:size]
			clear(buf)
			columns, values := s.sparse.row(s.at(i))
			for j, c := range columns {
				buf[c] = byte(values[j])
			}
		} else {
			s.Row(i, row)
			for _, x := range row {
				buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(x))
			}
		}
		h.Write(buf)
	}
}

// scaledSparse returns the error of the first number of row i that a rule does not hold.
func (s *Set) scaledSparse(i int, v dist.Values) error {
	columns, values := s.sparse.row(s.at(i))
	for j, x := range values {
		if becomes := v.Number(float64(x)); !v.Contains(becomes) {
			return s.outside(i, int(columns[j]), float64(x), becomes, v)
		}
	}
	return nil
}

// Sparse returns how many numbers rows have that are held without their zeros, and true where they are.
func (s *Set) Sparse() (numbers int, ok bool) {
	if s.sparse == nil {
		return 0, false
	}
	return len(s.sparse.values), true
}
