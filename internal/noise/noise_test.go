package noise

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// The known answers are those of Random123's kat_vectors file for philox4x32 with 10 rounds.
func TestPhiloxKnownAnswers(t *testing.T) {
	const ones = 0xffffffff
	for _, c := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{want: [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{ones, ones, ones, ones}, [2]uint32{ones, ones}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		if got := philox(c.counter, c.key); got != c.want {
			t.Errorf("philox(%x, %x) = %x, want %x", c.counter, c.key, got, c.want)
		}
	}
}

// Every one of the 2^23 values lies strictly inside (0,1), and so do its transformations: no infinity can enter a model.
func TestUnitStaysInsideTheUnitInterval(t *testing.T) {
	last := float32(0)
	for k := uint32(0); k < 1<<23; k++ {
		u := Unit(k << 9)
		if !(u > last) || !(u < 1) || !(1-u > 0) {
			t.Fatalf("Unit of k=%d is %g after %g", k, u, last)
		}
		if logistic := math.Log(float64(u)) - math.Log(float64(1-u)); math.IsInf(logistic, 0) || math.IsNaN(logistic) {
			t.Fatalf("logistic noise of k=%d is %g", k, logistic)
		}
		if gumbel := float32(-math.Log(float64(float32(-math.Log(float64(u)))))); math.IsInf(float64(gumbel), 0) || gumbel != gumbel {
			t.Fatalf("Gumbel noise of k=%d is %g", k, gumbel)
		}
		last = u
	}
}

func TestUniformIsUniform(t *testing.T) {
	const n = 500_000
	u := make([]float32, n)
	Stream{Seed: 7, Purpose: Latent}.Uniform(u, 3, 1)
	bins := make([]float64, 100)
	expected := make([]float64, len(bins))
	for _, x := range u {
		bins[int(x*float32(len(bins)))]++
	}
	for i := range expected {
		expected[i] = n / float64(len(bins))
	}
	p := distuv.ChiSquared{K: float64(len(bins) - 1)}.Survival(stat.ChiSquare(bins, expected))
	if p < 1e-4 {
		t.Errorf("chi-square of %d draws in %d bins has p = %g", n, len(bins), p)
	}
}

func TestNormalMoments(t *testing.T) {
	x := make([]float64, 400_001)
	Stream{Seed: 1, Purpose: Weights}.Normal(x, 0, 0)
	mean, variance := stat.MeanVariance(x, nil)
	if math.Abs(mean) > 5/math.Sqrt(float64(len(x))) || math.Abs(variance-1) > 0.01 {
		t.Errorf("mean %g, variance %g; want 0, 1", mean, variance)
	}
}

func TestPurposesAndPositionsDiffer(t *testing.T) {
	draw := func(s Stream, step, row uint32) [4]uint32 { return s.Block(step, row, 0) }
	seen := map[[4]uint32]string{}
	for name, block := range map[string][4]uint32{
		"base":    draw(Stream{1, Latent}, 0, 0),
		"seed":    draw(Stream{2, Latent}, 0, 0),
		"high":    draw(Stream{1 | 1<<32, Latent}, 0, 0),
		"purpose": draw(Stream{1, Shuffle}, 0, 0),
		"step":    draw(Stream{1, Latent}, 1, 0),
		"row":     draw(Stream{1, Latent}, 0, 1),
	} {
		if other, ok := seen[block]; ok {
			t.Errorf("%s and %s share a block", name, other)
		}
		seen[block] = name
	}
}

func TestPermutation(t *testing.T) {
	s := Stream{Seed: 3, Purpose: Shuffle}
	p := s.Permutation(1000, 0)
	if slices.Equal(p, s.Permutation(1000, 1)) {
		t.Error("two epochs have one order")
	}
	slices.Sort(p)
	for i, v := range p {
		if i != v {
			t.Fatalf("position %d holds %d after sorting", i, v)
		}
	}
	counts := [3]int{}
	for step := range uint32(30_000) {
		counts[s.Permutation(3, step)[0]]++
	}
	for i, c := range counts {
		if c < 9_600 || c > 10_400 { // 4.9 standard deviations
			t.Errorf("element %d comes first %d times of 30000", i, c)
		}
	}
}

// TestFrozen pins the stream itself: runs recorded by earlier versions must replay. Do not change these numbers.
func TestFrozen(t *testing.T) {
	u := make([]float32, 3)
	Stream{Seed: 42, Purpose: Latent}.Uniform(u, 5, 9)
	if want := []float32{0.21844834, 0.6992683, 0.8879611}; !slices.Equal(u, want) {
		t.Errorf("uniform = %v, want %v", u, want)
	}
	if got, want := (Stream{Seed: 42, Purpose: Shuffle}).Permutation(6, 2), []int{0, 4, 3, 1, 2, 5}; !slices.Equal(got, want) {
		t.Errorf("permutation = %v, want %v", got, want)
	}
}
