package dataset

import (
	"archive/zip"
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/catvae/catvae/dataset/internal/reading"
	"github.com/catvae/catvae/internal/visible"
)

// scipy.sparse.save_npz writes a sparse matrix as an NPZ archive:
// https://docs.scipy.org/doc/scipy/reference/generated/scipy.sparse.save_npz.html. Of its formats CSR lies row by row: row i has the
// columns indices[indptr[i]:indptr[i+1]] and the numbers data[indptr[i]:indptr[i+1]]. Numbers of one column are added up, as SciPy
// does. The three arrays are read side by side, as the rows come: no matrix is held in memory.

// isSparse reports the archive of a sparse matrix.
func isSparse(names []string) bool {
	return slices.Contains(names, "format.npy") && slices.Contains(names, "shape.npy") && slices.Contains(names, "data.npy")
}

// csr streams the rows of a sparse matrix.
type csr struct {
	f       *File
	o       Options
	info    Info
	tally   *Tally
	row     int
	ends    csrArray // of the rows, without the first, which is 0
	columns csrArray
	numbers csrArray
	at, all int64 // of the numbers
	raw     pool
	keep    []byte
	pairs   pairs
}

// csrArray is one of the arrays.
type csrArray struct {
	*stream
	element
}

// openCSR opens the sparse matrix of an archive.
func openCSR(f *File, z *zip.Reader, o Options) (Reader, error) {
	r := &csr{f: f, o: o}
	format, err := r.small(z, "format.npy")
	if err != nil {
		return nil, err
	}
	if name := strings.ReplaceAll(format.text, "\x00", ""); name != "csr" {
		return nil, &UnsupportedError{File: f.Name(), Reason: fmt.Sprintf("it holds a sparse matrix as %q, and matrices in CSR are read: save it by scipy.sparse.save_npz(path, matrix.tocsr())", visible.Name(name))}
	}
	shape, err := r.small(z, "shape.npy")
	if err != nil {
		return nil, err
	}
	if len(shape.numbers) != 2 || shape.numbers[0] < 0 || shape.numbers[1] < 0 || shape.numbers[0] > 1<<40 || shape.numbers[1] > 1<<31 {
		return nil, &FormatError{File: f.Name(), Reason: fmt.Sprintf("shape.npy holds %v: a matrix has rows and columns", shape.numbers)}
	}
	r.info = Info{Source: f.Name(), Rows: int(shape.numbers[0]), Shape: []int{int(shape.numbers[1])}, DType: "float32", Bytes: f.Bytes()}
	if r.info.Rows > 0 && (r.info.Shape[0] < 1 || r.info.Shape[0] > maxRow) {
		return r, nil // which Open refuses
	}
	for _, part := range []struct {
		to    *csrArray
		name  string
		whole bool
	}{{&r.ends, "indptr.npy", true}, {&r.columns, "indices.npy", true}, {&r.numbers, "data.npy", false}} {
		n, err := r.array(z, part.to, part.name, part.whole)
		if err != nil {
			return nil, err
		}
		switch {
		case part.to == &r.ends && n != int64(r.info.Rows)+1:
			err = &FormatError{File: f.Name(), Reason: fmt.Sprintf("indptr has %d numbers, %d rows have one more", n, r.info.Rows)}
		case part.to == &r.columns:
			r.all = n
		case part.to == &r.numbers && n != r.all:
			err = &FormatError{File: f.Name(), Reason: fmt.Sprintf("indices has %d numbers, data has %d", r.all, n)}
		}
		if err != nil {
			return nil, err
		}
	}
	first := make([]byte, r.ends.width)
	if _, err := io.ReadFull(r.ends, first); err != nil {
		return nil, r.ends.broken("indptr cannot be read", err)
	}
	if at := r.ends.number(first); at != 0 {
		return nil, &FormatError{File: f.Name(), Reason: fmt.Sprintf("indptr begins with %g, and the first row with number 0", at)}
	}
	r.tally = o.Tally(r.info.Rows, "CSR", fmt.Sprint(r.info.Shape), r.columns.element.name, r.numbers.element.name)
	return r, nil
}

// smallArray is the content of a member with a word or a few numbers.
type smallArray struct {
	text    string
	numbers []int64
}

// small reads a member of at most 64 KiB.
func (r *csr) small(z *zip.Reader, name string) (a smallArray, err error) {
	s, err := r.member(z, name)
	if err != nil {
		return a, err
	}
	header, _, err := readNPYHeader(s)
	if err != nil {
		return a, err
	}
	rest, err := io.ReadAll(io.LimitReader(s, 1<<16))
	if err != nil {
		return a, s.broken("it cannot be read", err)
	}
	if kind := strings.TrimLeft(header.descr, "<>|="); strings.HasPrefix(kind, "S") || strings.HasPrefix(kind, "U") {
		a.text = string(rest)
		return a, nil
	}
	e, err := header.element(s.name)
	if err != nil {
		return a, err
	}
	for ; len(rest) >= e.width && len(a.numbers) < 8; rest = rest[e.width:] {
		a.numbers = append(a.numbers, int64(e.number(rest)))
	}
	return a, nil
}

// array opens a member that holds a list of numbers, and returns how many.
func (r *csr) array(z *zip.Reader, to *csrArray, name string, whole bool) (int64, error) {
	s, err := r.member(z, name)
	if err != nil {
		return 0, err
	}
	header, raw, err := readNPYHeader(s)
	if err != nil {
		return 0, err
	}
	e, err := header.element(s.name)
	if err != nil {
		return 0, err
	}
	if len(header.shape) != 1 || whole && e.name != "int32" && e.name != "int64" {
		return 0, &FormatError{File: s.name, Reason: fmt.Sprintf("it holds %s of the shape %v: a list is wanted, of whole numbers of 32 or 64 bits where they are places", e.name, header.shape)}
	}
	total, ok := product(e.width, header.shape)
	if !ok {
		return 0, &FormatError{File: s.name, Reason: fmt.Sprintf("its header declares the shape %v", header.shape)}
	}
	*to = csrArray{s, e}
	return int64(header.shape[0]), s.expect(int64(len(raw)), total)
}

// member opens a member of the archive.
func (r *csr) member(z *zip.Reader, name string) (*stream, error) {
	i := slices.IndexFunc(z.File, func(m *zip.File) bool { return m.Name == name })
	if i < 0 {
		return nil, &FormatError{File: r.f.Name(), Reason: fmt.Sprintf("it lacks %s, which a sparse matrix in CSR has", name)}
	}
	if z.File[i].UncompressedSize64 > 1<<50 {
		return nil, &FormatError{File: r.f.Name(), Reason: fmt.Sprintf("%s claims %d bytes", name, z.File[i].UncompressedSize64)}
	}
	content, err := z.File[i].Open()
	if err != nil {
		return nil, r.f.Broken(name+" cannot be unpacked", err)
	}
	return &stream{
		Reader: bufio.NewReaderSize(content, bufferSize), name: r.f.Name() + ":" + strings.TrimSuffix(name, ".npy"), from: r.f,
		size: r.f.Bytes(), plain: int64(z.File[i].UncompressedSize64), packed: true,
	}, nil
}

func (r *csr) Info() Info   { return r.info }
func (r *csr) Close() error { return r.f.Close() }

// count returns how many numbers the next row has.
func (r *csr) count() (int, error) {
	var end [8]byte
	if _, err := io.ReadFull(r.ends, end[:r.ends.width]); err != nil {
		return 0, r.ends.broken(fmt.Sprintf("it ends in row %d", r.row), err)
	}
	to := int64(r.ends.number(end[:])) // of 32 or 64 bits; no file has 2^53 numbers
	n := to - r.at
	if n < 0 || to > r.all || n > 4*maxRow {
		return 0, &FormatError{File: r.f.Name(), Reason: fmt.Sprintf("indptr says that row %d ends at number %d, after %d of %d numbers", r.row, to, r.at, r.all)}
	}
	r.at = to
	return int(n), nil
}

// take appends the bytes of the next row: how many numbers it has, the columns, the numbers.
func (r *csr) take(dst []byte) ([]byte, error) {
	n, err := r.count()
	if err != nil {
		return dst, err
	}
	from := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(n))
	for _, a := range []csrArray{r.columns, r.numbers} {
		for left := n * a.width; left > 0; { // in pieces: an archive's word is not enough to allocate for
			at, piece := len(dst), min(left, bufferSize)
			dst = slices.Grow(dst, piece)[:at+piece]
			if _, err := io.ReadFull(a, dst[at:]); err != nil {
				return dst, a.broken(fmt.Sprintf("it ends in row %d", r.row), err)
			}
			left -= piece
		}
	}
	r.tally.Rows(r.row, 1, dst[from:])
	return dst, r.passed()
}

// passed counts a row. After the last nothing may follow.
func (r *csr) passed() error {
	if r.row++; r.row < r.info.Rows {
		return nil
	}
	if r.at != r.all {
		return &FormatError{File: r.f.Name(), Reason: fmt.Sprintf("its rows have %d numbers, data has %d", r.at, r.all)}
	}
	for _, a := range []csrArray{r.ends, r.columns, r.numbers} {
		if err := a.end(); err != nil {
			return err
		}
	}
	return nil
}

// parse takes a row's bytes apart.
func (r *csr) parse(p *pairs, raw []byte, number int) error {
	p.columns, p.numbers = p.columns[:0], p.numbers[:0]
	n, raw := int(binary.LittleEndian.Uint32(raw)), raw[4:]
	for i := range n {
		c := r.columns.number(raw[i*r.columns.width:])
		if c < 0 || c >= float64(r.info.Shape[0]) {
			return &RowError{File: r.f.Name(), Row: number, Reason: fmt.Sprintf("it has a number in column %.0f, and rows have %d columns, from 0", c, r.info.Shape[0])}
		}
		p.columns = append(p.columns, uint32(c))
		p.numbers = append(p.numbers, r.numbers.number(raw[n*r.columns.width+i*r.numbers.width:]))
	}
	p.merge()
	return nil
}

// next reads the next row's numbers.
func (r *csr) next() error {
	if r.row == r.info.Rows {
		return io.EOF
	}
	var err error
	if r.keep, err = r.take(r.keep[:0]); err != nil {
		return err
	}
	return r.parse(&r.pairs, r.keep, r.row-1)
}

func (r *csr) Next(row []float32) (int, error) {
	if err := r.next(); err != nil {
		return -1, err
	}
	return -1, r.pairs.into(row, r.o, r.f.Name(), r.row-1)
}

// NextSparse is Next without the zeros.
func (r *csr) NextSparse(columns []uint32, values []float32) ([]uint32, []float32, int, error) {
	if err := r.next(); err != nil {
		return columns, values, -1, err
	}
	columns, values, err := r.pairs.appended(columns, values, r.o, r.f.Name(), r.row-1)
	return columns, values, -1, err
}

// Floats reads the bytes of the next rows and leaves the rest for later.
func (r *csr) Floats(dst []float32) (int, Decode, error) {
	size := r.info.RowSize()
	n, err := reading.RowsIn(len(dst), size, r.info.Rows-r.row)
	if err != nil {
		return 0, nil, err
	}
	first, raw, ends := r.row, r.raw.get(0), make([]int, n)
	for i := range n {
		if raw, err = r.take(raw); err != nil {
			return 0, nil, err
		}
		ends[i] = len(raw)
	}
	return n, func() (bad []error, _ error) {
		defer r.raw.put(raw)
		return new(pairs).decode(dst, size, n, first, r.o, r.f.Name(), func(p *pairs, i int) error {
			return r.parse(p, pieceAt(raw, ends, i), first+i)
		}), nil
	}, nil
}

func (r *csr) Skip(rows int) error {
	for range min(rows, r.info.Rows-r.row) {
		n, err := r.count()
		if err != nil {
			return err
		}
		for _, a := range []csrArray{r.columns, r.numbers} {
			if err := a.skipRows(n, a.width, r.row); err != nil {
				return err
			}
		}
		if err := r.passed(); err != nil {
			return err
		}
	}
	return nil
}

func (r *csr) Scan(rows int) error {
	return scanRows(min(rows, r.info.Rows-r.row), &r.keep, r.take)
}
