package dataset_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/catvae/catvae/dataset"
)

// A pass reads a source from a row on, whose sums are looked at.
type pass func(t *testing.T, r dataset.Reader)

// passes are the ways to read a source, all of which must lead to the same sums.
func passes() map[string]pass {
	all := map[string]pass{
		"Next": func(t *testing.T, r dataset.Reader) { oneByOne(t, r.Info().RowSize(), r.Next) },
		"Scan": func(t *testing.T, r dataset.Reader) {
			if err := r.Scan(r.Info().Rows + 1); err != nil {
				t.Fatal(err)
			}
		},
		"Scan, row by row": func(t *testing.T, r dataset.Reader) {
			for range r.Info().Rows + 1 {
				if err := r.Scan(1); err != nil {
					t.Fatal(err)
				}
			}
		},
		"Bytes": func(t *testing.T, r dataset.Reader) {
			if b, ok := r.(dataset.ByteReader); ok {
				batches(t, r.Info().RowSize(), 3*r.Info().RowSize(), b.Bytes)
			} else {
				oneByOne(t, r.Info().RowSize(), r.Next)
			}
		},
		"NextBytes": func(t *testing.T, r dataset.Reader) {
			if b, ok := r.(dataset.ByteReader); ok {
				oneByOne(t, r.Info().RowSize(), b.NextBytes)
			} else {
				oneByOne(t, r.Info().RowSize(), r.Next)
			}
		},
	}
	for _, rows := range []int{1, 2, 7, 512} {
		all[fmt.Sprintf("Floats of %d", rows)] = func(t *testing.T, r dataset.Reader) {
			size := r.Info().RowSize()
			batches(t, size, rows*size, r.Floats) // decoded in any order
		}
	}
	return all
}

// sumsOf returns the sums of a pass over a source from a block on, and the sampled ones; "" where there is none.
func sumsOf(t *testing.T, s source, every, from int, read pass) (blocks, sampled []string) {
	t.Helper()
	s.o.Sums = new(dataset.Sums)
	r := s.open(t)
	s.o.Sums.Every(every)
	if err := r.Skip(from * every); err != nil {
		t.Fatal(err)
	}
	read(t, r)
	return listed(s.o.Sums, r.Info().Rows, every)
}

func listed(s *dataset.Sums, rows, every int) (blocks, sampled []string) {
	for i := range (rows + every - 1) / every {
		sum, _ := s.Block(i)
		blocks = append(blocks, sum)
		sum, _ = s.Sampled(i)
		sampled = append(sampled, sum)
	}
	return blocks, sampled
}

// Sums do not depend on how a source is read, nor on where the reading begins, for every kind of source.
func TestSums(t *testing.T) {
	t.Parallel()
	all := sources(t)
	for _, f := range dataset.Formats() {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(all)), func(name string) bool {
			return strings.HasPrefix(name, f.Name) || f.Picture() && strings.HasPrefix(name, "picture")
		}) {
			t.Errorf("no source of the format %s is tried", f.Name)
		}
	}
	for name, s := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, every := range []int{1, 3, 1000} {
				want, sampled := sumsOf(t, s, every, 0, passes()["Next"])
				seen := map[string]bool{"": true}
				for i := range want {
					if seen[want[i]] || seen[sampled[i]] {
						t.Fatalf("block %d of %d rows: %q and %q were there", i, every, want[i], sampled[i])
					}
					seen[want[i]], seen[sampled[i]] = true, true
				}
				for way, read := range passes() {
					if got, quick := sumsOf(t, s, every, 0, read); !slices.Equal(got, want) || !slices.Equal(quick, sampled) {
						t.Errorf("%s, blocks of %d rows: %q, want %q", way, every, got, want)
					}
					if got, _ := sumsOf(t, s, every, 1, read); got[0] != "" || !slices.Equal(got[1:], want[1:]) {
						t.Errorf("%s, blocks of %d rows, from the second on: %q, want %q", way, every, got, want[1:])
					}
				}
				for i := range want {
					s.o.Sums = new(dataset.Sums)
					r := s.open(t)
					s.o.Sums.Every(every)
					if err := errors.Join(r.Skip(i*every), s.o.Sums.ScanSampled(r, i)); err != nil {
						t.Fatal(err)
					}
					if got, _ := s.o.Sums.Sampled(i); got != sampled[i] {
						t.Errorf("sampled block %d of %d rows: %q, want %q", i, every, got, sampled[i])
					}
				}
			}
		})
	}
}

// changed returns the blocks of two rows whose sums differ between two files of a name.
func changed(t *testing.T, name string, before, after []byte) (blocks []int) {
	t.Helper()
	read := func(data []byte) []string {
		sums, _ := sumsOf(t, source{path: write(t, name, data)}, 2, 0, passes()["Scan"])
		return sums
	}
	a, b := read(before), read(after)
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			blocks = append(blocks, i)
		}
	}
	return blocks
}

// A byte that changes, changes the sum of its block and no other; what says how to read the rows changes all.
func TestSumsTellChanges(t *testing.T) {
	t.Parallel()
	flip := func(data []byte, at int) []byte {
		data = bytes.Clone(data)
		data[at] ^= 1
		return data
	}
	idx, npy := idxBytes(t, 6, 2, 2), fileBytes(t, "testdata/uint8.npy")
	small := append(npyHeader("6, 1"), make([]byte, 24)...)
	csv := []byte("a,label\n0,1\n0,2\n0,3\n0,4\n0,5\n0,6\n")
	for name, c := range map[string]struct {
		before, after []byte
		want          []int
	}{
		"idx":                      {idx, flip(idx, len(idx)-9), []int{1}},
		"idx, packed.gz":           {packed(t, idx), packed(t, flip(idx, len(idx)-9)), []int{1}},
		"idx, packed by another":   {idx, packed(t, idx), nil},
		"npy":                      {npy, flip(npy, len(npy)-1), []int{1}},
		"npy, of another order":    {small, bytes.Replace(small, []byte("<f4"), []byte(">f4"), 1), []int{0, 1, 2}},
		"npz":                      {archive(t, 8, []string{"x.npy"}, small), archive(t, 0, []string{"x.npy"}, flip(small, len(small)-12)), []int{1}},
		"csv":                      {csv, bytes.Replace(csv, []byte("0,3"), []byte("1,3"), 1), []int{1}},
		"csv, label":               {csv, bytes.Replace(csv, []byte("0,6"), []byte("0,7"), 1), []int{2}},
		"csv, with another header": {csv, bytes.Replace(csv, []byte("a,label"), []byte("label,a"), 1), []int{0, 1, 2}},
		"csv, with one more":       {csv, append(bytes.Clone(csv), "0,1\n"...), []int{3}},
	} {
		if got := changed(t, name, c.before, c.after); !slices.Equal(got, c.want) {
			t.Errorf("%s: the blocks %v changed, want %v", name, got, c.want)
		}
	}
}

// A column that is read counts in a Parquet file, another does not.
func TestSumsOfParquet(t *testing.T) {
	t.Parallel()
	data := fileBytes(t, "testdata/index.parquet")
	differ := 0
	for at := 4; at < len(data); at++ {
		after := bytes.Clone(data)
		after[at] ^= 1
		s := source{path: write(t, "x", after), o: dataset.Options{Sums: new(dataset.Sums)}}
		r, err := dataset.Open(t.Context(), s.path, s.o)
		if err != nil {
			continue
		}
		s.o.Sums.Every(100)
		err = r.Scan(100)
		r.Close()
		got, ok := s.o.Sums.Block(0)
		if (err == nil) != ok {
			t.Fatalf("byte %d: %v, %t", at, err, ok)
		}
		if want, _ := sumsOf(t, source{path: "testdata/index.parquet"}, 100, 0, passes()["Scan"]); ok && got != want[0] {
			differ++
		}
	}
	if differ < 30 {
		t.Errorf("%d changes of a byte change the sum", differ)
	}
}

// The names of pictures, their files and their size count; so do the seed and the split of glyphs, and labels of MNIST.
func TestSumsOfFolders(t *testing.T) {
	t.Parallel()
	grey, other := fileBytes(t, "testdata/pictures/grey.png"), fileBytes(t, "testdata/pictures/colour.png")
	folder := func(files map[string][]byte) source {
		dir := t.TempDir()
		for name, data := range files {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return source{path: dir}
	}
	size := func(s source, height int) source {
		s.o.Image = &dataset.Image{Height: height, Width: 6, Resize: "nearest"}
		return s
	}
	images, labels := idxBytes(t, 4, 2), idxBytes(t, 4)
	mnist := func(labels []byte) source {
		return folder(map[string][]byte{"train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": labels})
	}
	relabelled := bytes.Clone(labels)
	relabelled[len(labels)-1]++
	for name, c := range map[string]struct {
		before, after source
		differ        bool
	}{
		"the same":   {folder(map[string][]byte{"a.png": grey, "b.png": other}), folder(map[string][]byte{"a.png": grey, "b.png": other}), false},
		"swapped":    {folder(map[string][]byte{"a.png": grey, "b.png": other}), folder(map[string][]byte{"b.png": grey, "a.png": other}), true},
		"renamed":    {folder(map[string][]byte{"a.png": grey, "b.png": other}), folder(map[string][]byte{"a.png": grey, "c.png": other}), true},
		"truncated":  {folder(map[string][]byte{"a.png": grey, "b.png": other}), folder(map[string][]byte{"a.png": grey, "b.png": other[:50]}), true},
		"emptied":    {folder(map[string][]byte{"a.png": grey, "b.png": other[:50]}), folder(map[string][]byte{"a.png": grey, "b.png": nil}), true},
		"resized":    {size(source{path: "testdata/pictures"}, 5), size(source{path: "testdata/pictures"}, 4), true},
		"seeds":      {source{path: "glyphs", o: dataset.Options{Rows: 9}}, source{path: "glyphs", o: dataset.Options{Rows: 9, Seed: 1}}, true},
		"splits":     {source{path: "glyphs", o: dataset.Options{Rows: 9}}, source{path: "glyphs", o: dataset.Options{Rows: 9, Split: dataset.Test}}, true},
		"labels":     {mnist(labels), mnist(relabelled), true},
		"the labels": {mnist(labels), mnist(labels), false},
	} {
		before, quick := sumsOf(t, c.before, 10, 0, passes()["Scan"])
		after, quickly := sumsOf(t, c.after, 10, 0, passes()["Scan"])
		if before[0] == "" || (before[0] != after[0]) != c.differ || (quick[0] != quickly[0]) != c.differ {
			t.Errorf("%s: %q and %q, want them to differ: %t", name, before, after, c.differ)
		}
	}
}

// Sampled sums say nothing of the rows between, and need not read them.
func TestSampledSums(t *testing.T) {
	t.Parallel()
	before := idxBytes(t, 1000, 4)
	after := bytes.Clone(before)
	for row := range 1000 {
		if row%400 != 0 && row%400 != 399 && row != 999 {
			after[len(after)-4*(1000-row)] ^= byte(row % 2)
		}
	}
	one, quick := sumsOf(t, source{path: write(t, "x", before)}, 400, 0, passes()["Scan"])
	two, quickly := sumsOf(t, source{path: write(t, "x", after)}, 400, 0, passes()["Scan"])
	for i := range one {
		if one[i] == two[i] {
			t.Errorf("block %d of a changed file has the same sum", i)
		}
	}
	if quick[2] == "" || quickly[2] == "" {
		t.Error("no sampled sums")
	}
}

// Several goroutines may ask while rows are read.
func TestSumsAtOnce(t *testing.T) {
	t.Parallel()
	sums := new(dataset.Sums)
	r, err := dataset.Open(t.Context(), "testdata/pictures", dataset.Options{Sums: sums})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	sums.Every(2)
	var wait sync.WaitGroup
	for {
		_, decode, err := r.Floats(make([]float32, r.Info().RowSize()))
		if errors.Is(err, io.EOF) {
			break
		}
		wait.Go(func() {
			if _, err := decode(); err != nil {
				t.Error(err)
			}
			sums.Block(0)
		})
	}
	wait.Wait()
	if got, _ := listed(sums, r.Info().Rows, 2); slices.Contains(got, "") {
		t.Errorf("%q", got)
	}
}

// BenchmarkSums is what sums add to reading.
func BenchmarkSums(b *testing.B) {
	path := write(b, "x", idxBytes(b, 65536, 28, 28))
	for name, read := range map[string]func(r dataset.Reader) error{
		"scan": func(r dataset.Reader) error { return r.Scan(65536) },
		"skip": func(r dataset.Reader) error { return r.Skip(65536) },
		"bytes": func(r dataset.Reader) error {
			for dst := make([]byte, 512*784); ; {
				if _, _, err := r.(dataset.ByteReader).Bytes(dst); err != nil {
					return nil
				}
			}
		},
	} {
		for _, every := range []int{0, 1 << 14} {
			b.Run(fmt.Sprintf("%s/%d", name, every), func(b *testing.B) {
				for b.Loop() {
					sums := new(dataset.Sums)
					r, err := dataset.Open(b.Context(), path, dataset.Options{Sums: sums})
					if err != nil {
						b.Fatal(err)
					}
					sums.Every(every)
					if err := errors.Join(read(r), r.Close()); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(65536*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			})
		}
	}
}
