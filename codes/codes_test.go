package codes_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/catvae/catvae/codes"
)

// random returns n codes of so many bits, padded with zeros.
func random(seed uint64, n, bits int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	values := make([]uint8, n*bits)
	for i := range values {
		values[i] = uint8(r.IntN(2))
	}
	packed, err := codes.Pack(nil, values, bits)
	if err != nil {
		panic(err)
	}
	return packed
}

var widths = []int{1, 7, 8, 9, 37, 63, 64, 65, 128, 200, 256, 300}

func TestPackRoundTrip(t *testing.T) {
	t.Parallel()
	for _, bits := range widths {
		packed := random(uint64(bits), 17, bits)
		if len(packed) != 17*codes.Bytes(bits) {
			t.Fatalf("%d bits: %d bytes", bits, len(packed))
		}
		values, err := codes.Unpack(nil, packed, bits)
		if err != nil {
			t.Fatal(err)
		}
		again, err := codes.Pack([]byte{9}, values, bits)
		if err != nil || !bytes.Equal(again[1:], packed) || again[0] != 9 {
			t.Errorf("%d bits: unpacking and packing gives other bytes, %v", bits, err)
		}
	}
}

// Against numpy.packbits([1,0,1,1,0,0,0,0,1,1]) = [176, 192].
func TestBitOrder(t *testing.T) {
	t.Parallel()
	packed, err := codes.Pack(nil, []float32{1, 0, 1, 1, 0, 0, 0, 0, 1, 1}, 10)
	if err != nil || !bytes.Equal(packed, []byte{176, 192}) {
		t.Errorf("%v, %v", packed, err)
	}
}

func TestBadCodes(t *testing.T) {
	t.Parallel()
	if _, err := codes.Pack(nil, []float32{1, 0, 1}, 2); err == nil {
		t.Error("three values were packed as codes of two bits")
	}
	for name, c := range map[string]struct {
		packed []byte
		bits   int
	}{
		"half a code": {make([]byte, 3), 16}, "no bits": {nil, 0}, "negative": {nil, -1}, "too many bits": {nil, 1 << 30}, "bits behind the last": {[]byte{0xff}, 7},
	} {
		if _, err := codes.Unpack(nil, c.packed, c.bits); err == nil {
			t.Errorf("unpack: %s is taken", name)
		}
		x, err := codes.NewIndex(max(c.bits, 1))
		if err != nil {
			continue
		}
		if c.bits > 0 && x.Add(c.packed) == nil {
			t.Errorf("index: %s is taken", name)
		}
		if _, err := x.Search(context.Background(), c.packed, 0); err == nil {
			t.Errorf("search: %s is taken", name)
		}
	}
}

func distanceBitByBit(a, b []byte) (d int) {
	for i := range a {
		for k := range 8 {
			if a[i]>>k&1 != b[i]>>k&1 {
				d++
			}
		}
	}
	return d
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, bits := range widths {
		size := codes.Bytes(bits)
		a, b := random(1, 50, bits), random(2, 50, bits)
		for i := range 50 {
			x, y := a[i*size:][:size], b[i*size:][:size]
			if got, want := codes.Distance(x, y), distanceBitByBit(x, y); got != want {
				t.Fatalf("%d bits: %d, want %d", bits, got, want)
			}
		}
	}
}

// A search finds what sorting all distances finds, ties by row, for every width and number of codes, in parts small and
// large enough for several cores.
func TestSearchAgainstSorting(t *testing.T) {
	t.Parallel()
	for bits := 1; bits <= 300; bits++ {
		rows := []int{1, 65, 200}
		if slices.Contains(widths, bits) {
			rows = []int{2, 63, 64, 2049, 20_000}
		}
		for _, n := range rows {
			all, queries := random(uint64(n), n, bits), random(7, 3, bits)
			x, err := codes.NewIndex(bits)
			if err != nil {
				t.Fatal(err)
			}
			size := codes.Bytes(bits)
			half := n / 2 * size
			if err := errors.Join(x.Add(all[:half]), x.Add(all[half:])); err != nil || x.Len() != n || x.Bits() != bits {
				t.Fatalf("%d codes, %v", x.Len(), err)
			}
			sorted := make([][]codes.Match, 3)
			for q := range sorted {
				for row := range n {
					sorted[q] = append(sorted[q], codes.Match{Row: row, Distance: distanceBitByBit(all[row*size:][:size], queries[q*size:][:size])})
				}
				slices.SortStableFunc(sorted[q], func(a, b codes.Match) int { return a.Distance - b.Distance })
			}
			for _, k := range []int{1, 10, n, n + 5} {
				found, err := x.Search(context.Background(), queries, k)
				if err != nil || len(found) != len(sorted) {
					t.Fatal(err)
				}
				for q, matches := range found {
					if want := sorted[q][:min(k, n)]; !slices.Equal(matches, want) {
						t.Fatalf("%d bits, %d codes, k %d: %v, want %v", bits, n, k, matches, want)
					}
				}
			}
		}
	}
}

func TestSearchStops(t *testing.T) {
	t.Parallel()
	x, err := codes.NewIndex(64)
	if err != nil || x.Add(random(1, 100, 64)) != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := x.Search(ctx, random(2, 1, 64), 1); !errors.Is(err, context.Canceled) {
		t.Errorf("a done context gives %v", err)
	}
}

// Means, entropies and correlations are those of the bits, counted one by one.
func TestStats(t *testing.T) {
	t.Parallel()
	for _, bits := range widths {
		for _, n := range []int{1, 64, 65, 1000} {
			packed := random(uint64(bits+n), n, bits)
			for i := 0; i < len(packed); i += codes.Bytes(bits) { // a bit that is always set, and two that are equal
				packed[i] |= 0x80
				if bits > 2 {
					packed[i] = packed[i]&^0x20 | packed[i]&0x40>>1
				}
			}
			s, err := codes.NewStats(bits)
			if err != nil {
				t.Fatal(err)
			}
			third := n / 3 * codes.Bytes(bits)
			if err := errors.Join(s.Add(packed[:third]), s.Add(packed[third:])); err != nil || s.Rows() != n {
				t.Fatalf("%d rows, %v", s.Rows(), err)
			}
			values, err := codes.Unpack(nil, packed, bits)
			if err != nil {
				t.Fatal(err)
			}
			for i := range bits {
				p, _, _ := moments(values, bits, i, i)
				if math.Abs(s.Mean(i)-p) > 1e-12 || s.Dead(i) != (p < 0.01-1e-12 || p > 0.99+1e-12) {
					t.Fatalf("%d bits, %d codes: mean of bit %d is %g, want %g", bits, n, i, s.Mean(i), p)
				}
				h := 0.0
				if p > 0 && p < 1 {
					h = -p*math.Log2(p) - (1-p)*math.Log2(1-p)
				}
				if math.Abs(s.Entropy(i)-h) > 1e-12 {
					t.Fatalf("entropy of bit %d is %g, want %g", i, s.Entropy(i), h)
				}
			}
			for _, pair := range [][2]int{{0, 0}, {0, bits - 1}, {1 % bits, 2 % bits}, {bits / 2, bits / 3}, {bits - 1, bits / 2}} {
				_, _, r := moments(values, bits, pair[0], pair[1])
				if got := s.Correlation(pair[0], pair[1]); math.Abs(got-r) > 1e-9 {
					t.Fatalf("%d bits, %d codes: correlation of %v is %g, want %g", bits, n, pair, got, r)
				}
			}
		}
	}
}

func moments(values []byte, bits, i, j int) (p, q, r float64) {
	n := float64(len(values) / bits)
	var both float64
	for at := 0; at < len(values); at += bits {
		p += float64(values[at+i]) / n
		q += float64(values[at+j]) / n
		both += float64(values[at+i]&values[at+j]) / n
	}
	if spread := p * (1 - p) * q * (1 - q); spread > 1e-12 {
		r = (both - p*q) / math.Sqrt(spread)
	}
	return p, q, r
}

// Whatever bytes are given as codes: an error or the same bytes back, and a search that does not panic.
func FuzzCodes(f *testing.F) {
	f.Add([]byte{0xb0, 0xc0}, 10)
	f.Add([]byte{}, 1)
	f.Add([]byte{1, 2, 3}, 24)
	f.Fuzz(func(t *testing.T, packed []byte, bits int) {
		values, err := codes.Unpack(nil, packed, bits)
		if err != nil {
			return
		}
		again, err := codes.Pack(nil, values, bits)
		if err != nil || !bytes.Equal(again, packed) {
			t.Fatalf("%v came back as %v, %v", packed, again, err)
		}
		x, err := codes.NewIndex(bits)
		if err != nil || x.Add(packed) != nil {
			t.Fatal(err)
		}
		if found, err := x.Search(context.Background(), packed, 1); err != nil || len(packed) > 0 && found[0][0].Distance != 0 {
			t.Fatalf("%v, %v", found, err)
		}
	})
}

func BenchmarkSearch(b *testing.B) {
	for _, bits := range []int{64, 128, 200} {
		b.Run(fmt.Sprint(bits), func(b *testing.B) {
			const n = 1_000_000
			x, err := codes.NewIndex(bits)
			if err != nil {
				b.Fatal(err)
			}
			all := make([]byte, n*codes.Bytes(bits))
			r := rand.NewChaCha8([32]byte{})
			r.Read(all)
			if err := x.Add(all); err != nil {
				b.Fatal(err)
			}
			queries := random(3, 16, bits)
			for b.Loop() {
				if _, err := x.Search(context.Background(), queries, 100); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*16*float64(b.N)/b.Elapsed().Seconds(), "codes/s")
		})
	}
}
