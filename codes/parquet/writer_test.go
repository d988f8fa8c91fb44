package parquet_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/catvae/catvae/codes/parquet"
)

// groupRows are the rows of a row group: the files below have two whole ones and some rows.
const groupRows = 1 << 16

func random(rows, size int) []byte {
	r := rand.NewChaCha8([32]byte{1})
	packed := make([]byte, rows*size)
	r.Read(packed)
	return packed
}

// written writes codes in cuts of the given rows, in turn, and returns the file.
func written(t testing.TB, packed []byte, size int, names []string, cuts ...int) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := parquet.NewWriter(&buf, size, names != nil)
	if err != nil {
		t.Fatal(err)
	}
	for at, i := 0, 0; at*size < len(packed); i++ {
		n := min(cuts[i%len(cuts)], len(packed)/size-at)
		var some []string
		if names != nil {
			some = names[at : at+n]
		}
		if err := w.Write(at, some, packed[at*size:][:n*size]); err != nil {
			t.Fatal(err)
		}
		at += n
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// read returns what Arrow reads from a file: the row groups' sizes, ids as text, and codes.
func read(t *testing.T, data []byte) (groups []int64, ids []string, packed []byte) {
	t.Helper()
	p, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.NumRowGroups() {
		groups = append(groups, p.RowGroup(i).NumRows())
	}
	a, err := pqarrow.NewFileReader(p, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	table, err := a.ReadTable(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if s := table.Schema(); s.NumFields() != 2 || s.Field(0).Name != "id" || s.Field(1).Name != "code" {
		t.Fatal(s)
	}
	for _, c := range table.Column(0).Data().Chunks() {
		for i := range c.Len() {
			ids = append(ids, c.ValueStr(i))
		}
	}
	for _, c := range table.Column(1).Data().Chunks() {
		for i := range c.Len() {
			packed = append(packed, c.(*array.FixedSizeBinary).Value(i)...)
		}
	}
	return groups, ids, packed
}

func TestReadBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rows, size int }{{1, 1}, {100, 25}, {groupRows, 2}, {2*groupRows + 7, 3}} {
		packed := random(c.rows, c.size)
		numbers, names := make([]string, c.rows), make([]string, c.rows)
		for i := range names {
			numbers[i], names[i] = strconv.Itoa(i), fmt.Sprintf("folder/%d, é.png", i)
		}
		for _, want := range []struct{ names, ids []string }{{nil, numbers}, {names, names}} {
			groups, ids, got := read(t, written(t, packed, c.size, want.names, 1000))
			if !slices.Equal(ids, want.ids) || !bytes.Equal(got, packed) {
				t.Errorf("%+v: %d ids, %d bytes", c, len(ids), len(got))
			}
			for i, n := range groups {
				if left := int64(c.rows - i*groupRows); n != min(left, groupRows) {
					t.Errorf("%+v: row groups of %d rows", c, groups)
				}
			}
		}
	}
}

// Equal rows give equal bytes, however they are handed in.
func TestCuts(t *testing.T) {
	t.Parallel()
	const rows, size = groupRows + 100, 3
	packed := random(rows, size)
	names := make([]string, rows)
	for i := range names {
		names[i] = strconv.Itoa(i * i)
	}
	for _, names := range [][]string{nil, names} {
		want := written(t, packed, size, names, rows)
		for _, cuts := range [][]int{{1}, {1000, 0, 7}, {groupRows}, {groupRows - 1, 2}, {50_000}} {
			if got := written(t, packed, size, names, cuts...); !bytes.Equal(got, want) {
				t.Errorf("cuts of %v: %d bytes, want %d", cuts, len(got), len(want))
			}
		}
	}
}

// failing takes some bytes.
type failing struct{ left int }

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, -1, 1<<20 + 1} {
		if _, err := parquet.NewWriter(io.Discard, size, false); err == nil {
			t.Errorf("codes of %d bytes", size)
		}
	}
	for _, c := range []struct {
		names []string
		codes int
	}{{nil, 3}, {[]string{"a", "b"}, 2}, {nil, 2}} {
		w, err := parquet.NewWriter(io.Discard, 2, c.names != nil || c.codes == 2)
		if err != nil {
			t.Fatal(err)
		}
		first := w.Write(0, c.names, make([]byte, c.codes))
		if again := w.Write(0, []string{"a"}, make([]byte, 2)); first == nil || again != first || w.Close() != first {
			t.Errorf("%+v: %v, then %v", c, first, again)
		}
	}
	for _, left := range []int{4, 100, 200_000} {
		w, err := parquet.NewWriter(&failing{left}, 8, false)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.Write(0, nil, random(groupRows+1, 8)), w.Close()); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("a full disk after %d bytes: %v", left, err)
		}
	}
}
