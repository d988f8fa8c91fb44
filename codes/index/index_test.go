package index_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/codes/index"
)

// clustered returns codes around centres, an eighth of whose bits are flipped.
func clustered(r *rand.Rand, centres []byte, rows, size int) []byte {
	out := make([]byte, rows*size)
	for i := range rows {
		centre := centres[r.IntN(len(centres)/size)*size:]
		for j := range size {
			x := r.Uint64()
			out[i*size+j] = centre[j] ^ byte(x)&byte(x>>8)&byte(x>>16)
		}
	}
	return out
}

func randomBytes(r *rand.Rand, n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(r.Uint32())
	}
	return out
}

func create(t *testing.T, o index.Options) (*index.Index, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "codes.index")
	x, err := index.Create(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x, dir
}

// Random appends, deletions and reopenings leave what a plain list holds, and exact searches find what it has.
func TestAgainstList(t *testing.T) {
	t.Parallel()
	for _, o := range []index.Options{{Bits: 37}, {Bits: 128, Graph: true}, {Variables: 5, Categories: 9}} {
		r := rand.New(rand.NewPCG(3, 3))
		x, dir := create(t, o)
		flat, err := codes.NewIndex(max(1, o.Bits))
		if o.Bits == 0 {
			flat, err = codes.NewCategories(o.Variables, o.Categories)
		}
		if err != nil {
			t.Fatal(err)
		}
		draw := func(n int) []byte {
			all := randomBytes(r, n*x.Bytes())
			for i := range all {
				if o.Bits == 0 {
					all[i] %= byte(o.Categories)
				} else if o.Bits%8 != 0 && i%x.Bytes() == x.Bytes()-1 {
					all[i] &= 0xff << (8 - o.Bits%8)
				}
			}
			return all
		}
		var all []byte
		var ids []string
		for step := range 60 {
			switch r.IntN(4) {
			case 0, 1:
				n := r.IntN(50)
				packed, names := draw(n), make([]string, n)
				for i := range names {
					names[i] = fmt.Sprint("id ", len(ids)+i, "\x00")
				}
				first, err := x.Append(packed, names)
				if err != nil || first != len(ids) {
					t.Fatalf("%v: step %d: row %d, %v, want %d", o, step, first, err, len(ids))
				}
				all, ids = append(all, packed...), append(ids, names...)
				if err := flat.Add(packed); err != nil {
					t.Fatal(err)
				}
			case 2:
				if len(ids) > 0 {
					row := r.IntN(len(ids))
					if err := x.Delete(row, row); err != nil {
						t.Fatal(err)
					}
					flat.Delete(row)
				}
			case 3:
				if err := x.Close(); err != nil {
					t.Fatal(err)
				}
				if x, err = index.Open(dir); err != nil {
					t.Fatal(err)
				}
			}
			if x.Len() != len(ids) || !bytes.Equal(x.Codes(), all) || !slices.Equal(x.IDs(), ids) {
				t.Fatalf("%v: step %d: %d rows, want %d", o, step, x.Len(), len(ids))
			}
			query := draw(2)
			want, err := flat.Search(t.Context(), query, 5)
			if err != nil {
				t.Fatal(err)
			}
			got, err := x.Search(t.Context(), query, 5, index.Search{Exact: true})
			if err != nil || !slices.EqualFunc(got, want, slices.Equal) {
				t.Fatalf("%v: step %d: %v, %v, want %v", o, step, got, err, want)
			}
			// so few codes are found by the graph, too
			got, err = x.Search(t.Context(), query, 5, index.Search{Breadth: 2000})
			if err != nil || !slices.EqualFunc(got, want, slices.Equal) {
				t.Fatalf("%v: step %d, by the graph: %v, %v, want %v", o, step, got, err, want)
			}
		}
		x.Close()
	}
}

// The graph finds nearly all of the nearest codes, deleted ones never, and also where many codes are equal; saved and mapped again it finds
// the same.
func TestGraphRecall(t *testing.T) {
	t.Parallel()
	for _, bits := range []int{128, 256, 100} {
		r := rand.New(rand.NewPCG(uint64(bits), 3))
		x, dir := create(t, index.Options{Bits: bits, Graph: true})
		size, rows := x.Bytes(), 3000
		centres := randomBytes(r, 50*size)
		all, queries := clustered(r, centres, rows, size), clustered(r, centres, 100, size)
		for i := range rows / 10 {
			copy(all[(rows-1-i)*size:][:size], all[:size]) // a tenth are one code
		}
		if bits%8 != 0 {
			for _, list := range [][]byte{all, queries} {
				for i := size - 1; i < len(list); i += size {
					list[i] &= 0xff << (8 - bits%8)
				}
			}
		}
		for from := 0; from < rows; from += 1000 {
			if _, err := x.Append(all[from*size:(from+1000)*size], nil); err != nil {
				t.Fatal(err)
			}
		}
		for row := 0; row < rows; row += 7 {
			if err := x.Delete(row); err != nil {
				t.Fatal(err)
			}
		}
		measure := func() (found [][]codes.Match) {
			want, err := x.Search(t.Context(), queries, 10, index.Search{Exact: true})
			if err != nil {
				t.Fatal(err)
			}
			if found, err = x.Search(t.Context(), queries, 10, index.Search{Breadth: 200}); err != nil {
				t.Fatal(err)
			}
			near := 0
			for q := range want {
				for _, m := range found[q] {
					if m.Row%7 == 0 {
						t.Fatalf("%d bits: the deleted row %d is found", bits, m.Row)
					}
					if m.Distance <= want[q][9].Distance {
						near++
					}
				}
			}
			if near < 980 {
				t.Errorf("%d bits: %d of 1000 nearest codes are found", bits, near)
			}
			return found
		}
		before := measure()
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		var err error
		if x, err = index.Open(dir); err != nil {
			t.Fatal(err)
		}
		if after := measure(); !slices.EqualFunc(before, after, slices.Equal) {
			t.Errorf("%d bits: the saved graph finds other codes", bits)
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// By the graph, floats score what is near by its bits, as the exact search scores it.
func TestGraphFloats(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 9))
	x, _ := create(t, index.Options{Bits: 64, Graph: true})
	if _, err := x.Append(clustered(r, randomBytes(r, 8*20), 2000, 8), nil); err != nil {
		t.Fatal(err)
	}
	query := make([]float32, 3*64)
	for i := range query {
		query[i] = float32(r.NormFloat64())
	}
	want, err := x.SearchFloats(t.Context(), query, 10, index.Search{Exact: true})
	if err != nil {
		t.Fatal(err)
	}
	got, err := x.SearchFloats(t.Context(), query, 10, index.Search{Breadth: 2000})
	if err != nil || !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	query[70] = float32(query[70] / 0 * 0)
	if _, err := x.SearchFloats(t.Context(), query, 10, index.Search{}); err == nil {
		t.Error("NaN is taken")
	}
}

// What cannot be is refused, and an index that is open to write is nobody else's.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, o := range []index.Options{{}, {Bits: -1}, {Bits: 8, Variables: 2, Categories: 2}, {Variables: 4, Categories: 4, Graph: true}, {Bits: 8, Graph: true, Links: 2}} {
		if _, err := index.Create(filepath.Join(t.TempDir(), "x"), o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	x, dir := create(t, index.Options{Bits: 16})
	if _, err := index.Create(dir, index.Options{Bits: 16}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("created twice: %v", err)
	}
	if _, err := x.Append([]byte{1, 2, 3}, nil); err == nil {
		t.Error("half a code is taken")
	}
	if _, err := x.Append([]byte{1, 2}, []string{"a", "b"}); err == nil {
		t.Error("two ids of a code are taken")
	}
	if _, err := x.Append([]byte{1, 2}, []string{"a"}); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Append([]byte{1, 2}, nil); err == nil {
		t.Error("a code without an id is taken beside one that has one")
	}
	if err := x.Delete(1); err == nil {
		t.Error("a row is deleted that there is not")
	}
	if _, err := index.Open(dir); err == nil {
		t.Error("opened twice to write")
	}
	y, err := index.OpenReadOnly(dir)
	if err != nil || y.Len() != 1 {
		t.Fatal(err)
	}
	if _, err := y.Append([]byte{1, 2}, []string{"b"}); !errors.Is(err, index.ErrReadOnly) {
		t.Error(err)
	}
	if err := y.Close(); err != nil {
		t.Fatal(err)
	}
}

// Wherever an append stopped, in the log or in the codes, what was appended before is there, and appending goes on. A byte of the log that
// changed is told; in the last record it may look like a record that was not written whole.
func TestTornTail(t *testing.T) {
	t.Parallel()
	x, dir := create(t, index.Options{Bits: 16})
	var sizes []int64
	logFile, codesFile := filepath.Join(dir, "log"), filepath.Join(dir, "codes")
	for i := range 4 {
		info, err := os.Stat(logFile)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, info.Size())
		if _, err := x.Append([]byte{byte(i), 1, byte(i), 2}, []string{"a", "b"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(logFile)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := os.ReadFile(codesFile)
	if err != nil {
		t.Fatal(err)
	}
	write := func(log, packed []byte) {
		if err := errors.Join(os.WriteFile(logFile, log, 0o600), os.WriteFile(codesFile, packed, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for cut := int(sizes[0]); cut <= len(log); cut++ {
		for _, rest := range [][]byte{nil, make([]byte, 40)} {
			whole := 0
			for _, size := range append(sizes[1:], int64(len(log))) {
				if int64(cut) >= size {
					whole += 2
				}
			}
			if cut == len(log) || int64(cut) == sizes[whole/2] || rest == nil {
				write(append(bytes.Clone(log[:cut]), rest...), append(bytes.Clone(packed), 9))
				x, err := index.Open(dir)
				if err != nil || x.Len() != whole {
					t.Fatalf("cut at %d: %v, want %d rows", cut, err, whole)
				}
				if !bytes.Equal(x.Codes(), packed[:2*whole]) {
					t.Fatalf("cut at %d: %x", cut, x.Codes())
				}
				if first, err := x.Append([]byte{7, 7}, []string{"c"}); err != nil || first != whole {
					t.Fatal(first, err)
				}
				if err := x.Close(); err != nil {
					t.Fatal(err)
				}
				if x, err = index.OpenReadOnly(dir); err != nil || x.Len() != whole+1 || x.IDs()[whole] != "c" {
					t.Fatalf("cut at %d: %v", cut, err)
				}
				x.Close()
			}
		}
	}
	for at := range log {
		if at >= int(sizes[3])+16 {
			break
		}
		changed := bytes.Clone(log)
		changed[at] ^= 4
		write(changed, packed)
		x, err := index.Open(dir)
		if err == nil {
			pad := x.Len() == 8 // of a record
			x.Close()
			if !pad {
				t.Fatalf("byte %d of the log changed, and %d rows are left", at, x.Len())
			}
		} else if !errors.Is(err, index.ErrDamaged) {
			t.Fatalf("byte %d: %v", at, err)
		}
	}
	for at := range packed {
		changed := bytes.Clone(packed)
		changed[at] ^= 4
		write(log, changed)
		if _, err := index.Open(dir); !errors.Is(err, index.ErrDamaged) {
			t.Fatalf("byte %d of the codes: %v", at, err)
		}
	}
	write(log, packed[:5])
	if _, err := index.Open(dir); !errors.Is(err, index.ErrDamaged) {
		t.Fatalf("codes are missing: %v", err)
	}
}

// A graph that is missing, damaged or another's is made again.
func TestGraphFile(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 4))
	x, dir := create(t, index.Options{Bits: 64, Graph: true, Links: 4})
	all := randomBytes(r, 300*8)
	if _, err := x.Append(all, nil); err != nil {
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "graph")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []func() error{
		func() error { return os.Remove(file) },
		func() error { return os.WriteFile(file, good[:len(good)/2], 0o600) },
		func() error { return os.WriteFile(file, nil, 0o600) },
		func() error {
			bad := bytes.Clone(good)
			bad[len(bad)/2] ^= 1
			return os.WriteFile(file, bad, 0o600)
		},
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		x, err := index.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		found, err := x.Search(t.Context(), all[:80], 1, index.Search{Breadth: 300})
		if err != nil {
			t.Fatal(err)
		}
		for row, m := range found {
			if m[0].Row != row || m[0].Distance != 0 {
				t.Errorf("%v, want row %d", m, row)
			}
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		if again, err := os.Stat(file); err != nil || again.Size() != int64(len(good)) {
			t.Errorf("the graph was not saved: %v", err)
		}
	}
}
