package retrieval_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/bits"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/train/retrieval"
)

// near reports a figure that is not what it should be.
func near(t *testing.T, name string, got *float64, want, tolerance float64) {
	t.Helper()
	if got == nil || math.Abs(*got-want) > tolerance {
		value := math.NaN()
		if got != nil {
			value = *got
		}
		t.Errorf("%s is %.6f, want %.6f", name, value, want)
	}
}

// Figures without ties are those of scikit-learn: testdata/retrieval.py.
func TestScikitLearn(t *testing.T) {
	t.Parallel()
	var file struct {
		Rows, Other                        [][]float32
		Labels                             []int
		Queries, At, Votes, Recall, Within int
		Cases                              []struct {
			Metric                      string
			Apart                       bool
			Precision, Map, KNN, Recall float64
			RecallWithin                float64 `json:"recall_within"`
		}
	}
	data, err := os.ReadFile("testdata/retrieval.json")
	if err == nil {
		err = json.Unmarshal(data, &file)
	}
	if err != nil || len(file.Cases) != 4 {
		t.Fatal(err, len(file.Cases))
	}
	space := func(rows [][]float32, metric string) retrieval.Space {
		var flat []float32
		for _, r := range rows {
			flat = append(flat, r...)
		}
		f, err := retrieval.NewFloats(flat, len(rows[0]), metric)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for _, c := range file.Cases {
		p := retrieval.Protocol{Queries: retrieval.First(file.Queries), Apart: c.Apart, At: file.At, Votes: file.Votes, Recall: file.Recall, Within: file.Within}
		truth, err := retrieval.Nearest(t.Context(), space(file.Rows, c.Metric), p)
		if err != nil {
			t.Fatal(err)
		}
		f, err := retrieval.Measure(t.Context(), space(file.Other, c.Metric), file.Labels, truth, p)
		if err != nil {
			t.Fatal(err)
		}
		name := c.Metric + ", " + p.String() + ": "
		near(t, name+"precision", f.Precision, c.Precision, 1e-12)
		near(t, name+"mAP", f.MeanAP, c.Map, 1e-12)
		near(t, name+"k-NN accuracy", f.Accuracy, c.KNN, 1e-12)
		near(t, name+"recall", f.Recall, c.Recall, 1e-12)
		near(t, name+"recall within", f.RecallWithin, c.RecallWithin, 1e-12)
	}
}

// tied are codes of two bits: seven rows, at four distances at most.
var (
	tied       = []byte{0b00 << 6, 0b01 << 6, 0b01 << 6, 0b10 << 6, 0b11 << 6, 0b00 << 6, 0b01 << 6}
	tiedLabels = []int{0, 1, 0, 0, 1, 1, 0}
)

// The means over many seeds are those over every order in which equally near rows may come.
func TestTies(t *testing.T) {
	t.Parallel()
	codes, err := retrieval.NewCodes(tied, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []retrieval.Protocol{
		{Queries: []int{0, 2, 4}, At: 3, Votes: 3},
		{Queries: []int{1, 3}, Apart: true, At: 2, Votes: 4},
	} {
		var want [3]float64
		for _, q := range p.Queries {
			for i, x := range overOrders(q, p) {
				want[i] += x / float64(len(p.Queries))
			}
		}
		const seeds = 20_000
		var sum, square [3]float64
		for seed := range uint64(seeds) {
			p.Seed = seed
			f, err := retrieval.Measure(t.Context(), codes, tiedLabels, nil, p)
			if err != nil {
				t.Fatal(err)
			}
			for i, x := range []float64{*f.Precision, *f.MeanAP, *f.Accuracy} {
				sum[i] += x
				square[i] += x * x
			}
		}
		for i, name := range []string{"precision", "mAP", "k-NN accuracy"} {
			mean := sum[i] / seeds
			deviation := math.Sqrt(max(0, square[i]/seeds-mean*mean) / seeds)
			if math.Abs(mean-want[i]) > 4.5*deviation+1e-12 {
				t.Errorf("%v: the mean %s over %d seeds is %.5f ± %.5f, over all orders it is %.5f", p, name, seeds, mean, deviation, want[i])
			}
			if deviation == 0 {
				t.Errorf("%v: the %s does not depend on the order of ties: the test shows nothing", p, name)
			}
		}
	}
}

// overOrders returns a query's precision, average precision and vote, averaged over all orders of the rows before they are sorted
// stably by their distance. It is written after the definitions.
func overOrders(q int, p retrieval.Protocol) (mean [3]float64) {
	var rows []int
	for i := range tied {
		if i != q && !(p.Apart && slices.Contains(p.Queries, i)) {
			rows = append(rows, i)
		}
	}
	orders := 0
	permute(rows, 0, func(rows []int) {
		orders++
		var ranking []int
		for d := 0; d <= 2; d++ {
			for _, r := range rows {
				if bits.OnesCount8(tied[r]^tied[q]) == d {
					ranking = append(ranking, r)
				}
			}
		}
		hits, ap, precision := 0, 0.0, 0.0
		for i, r := range ranking {
			if tiedLabels[r] == tiedLabels[q] {
				hits++
				ap += float64(hits) / float64(i+1)
			}
			if i+1 == p.At {
				precision = float64(hits) / float64(p.At)
			}
		}
		votes := [2]int{}
		for _, r := range ranking[:p.Votes] {
			votes[tiedLabels[r]]++
		}
		winner := tiedLabels[ranking[0]]
		if votes[1-winner] > votes[winner] {
			winner = 1 - winner
		}
		mean[0] += precision
		mean[1] += ap / float64(hits)
		if winner == tiedLabels[q] {
			mean[2]++
		}
	})
	for i := range mean {
		mean[i] /= float64(orders)
	}
	return mean
}

func permute(rows []int, from int, visit func([]int)) {
	if from == len(rows) {
		visit(rows)
		return
	}
	for i := from; i < len(rows); i++ {
		rows[from], rows[i] = rows[i], rows[from]
		permute(rows, from+1, visit)
		rows[from], rows[i] = rows[i], rows[from]
	}
}

// Codes of any number of bits are ranked by the bits in which they differ, and equal seeds give equal figures on any number of cores.
func TestCodes(t *testing.T) {
	t.Parallel()
	for _, width := range []int{1, 7, 64, 65, 200, 2100} {
		size := (width + 7) / 8
		packed := make([]byte, 150*size)
		for i := range packed {
			packed[i] = byte(i * i * 2654435761 >> 7)
			if rest := width % 8; rest != 0 && i%size == size-1 {
				packed[i] &^= 1<<(8-rest) - 1
			}
		}
		c, err := retrieval.NewCodes(packed, width)
		if err != nil {
			t.Fatal(err)
		}
		keys := make([]uint32, 150)
		most := c.Keys(keys, []int{3})
		for row, key := range keys {
			want := 0
			for i := range size {
				want += bits.OnesCount8(packed[row*size+i] ^ packed[3*size+i])
			}
			if int(key) != want || key>>most != 0 {
				t.Fatalf("%d bits: row %d is %d bits away in keys of %d bits, want %d", width, row, key, most, want)
			}
		}
		p := retrieval.Protocol{Queries: retrieval.First(100), Recall: 10}
		order, err := retrieval.Nearest(t.Context(), c, p)
		if err != nil {
			t.Fatal(err)
		}
		again, err := retrieval.Nearest(t.Context(), c, retrieval.Protocol{Queries: []int{99, 3}, Recall: 10})
		if err != nil || !reflect.DeepEqual(again, [][]int32{order[99], order[3]}) {
			t.Errorf("%d bits: a query's ranking depends on the others: %v", width, err)
		}
		last := -1
		for _, row := range order[3] {
			if d := int(keys[row]); d < last || row == 3 {
				t.Errorf("%d bits: row %d is ranked too late, or is the query", width, row)
			} else {
				last = d
			}
		}
	}
}

// Copies of a row are at distance 0, and a row of zeros has an angle to nothing.
func TestFloats(t *testing.T) {
	t.Parallel()
	rows := []float32{1, 2, 0, 0, 3, 6, -1, 0, 1, 2}
	for metric, want := range map[string][]int32{retrieval.Cosine: {2, 4}, retrieval.Euclidean: {4, 1}} {
		f, err := retrieval.NewFloats(append([]float32{}, rows...), 2, metric)
		if err != nil || f.Metric() != metric {
			t.Fatal(err)
		}
		order, err := retrieval.Nearest(t.Context(), f, retrieval.Protocol{Queries: []int{0}, Recall: 2})
		if err != nil {
			t.Fatal(err)
		}
		if metric == retrieval.Cosine && order[0][0] == 4 { // equally near: in random order
			order[0][0], order[0][1] = order[0][1], order[0][0]
		}
		if !reflect.DeepEqual(order[0], want) {
			t.Errorf("%s: the nearest rows are %v, want %v", metric, order[0], want)
		}
	}
}

// What makes no sense is an error that says so.
func TestRefusals(t *testing.T) {
	t.Parallel()
	c, err := retrieval.NewCodes(tied, 2)
	if err != nil {
		t.Fatal(err)
	}
	measure := func(p retrieval.Protocol, labels []int, truth [][]int32) error {
		_, err := retrieval.Measure(t.Context(), c, labels, truth, p)
		return err
	}
	one := retrieval.Protocol{Queries: []int{0}}
	_, space := retrieval.NewFloats([]float32{1, 2, 3}, 2, retrieval.Cosine)
	_, metric := retrieval.NewFloats([]float32{1, 2}, 2, "cosinus")
	_, packed := retrieval.NewCodes([]byte{1, 2, 3}, 12)
	_, uneven := retrieval.FirstOfEach(tiedLabels, 3)
	_, few := retrieval.FirstOfEach(tiedLabels, 8)
	for want, err := range map[string]error{
		"no row is a query":        measure(retrieval.Protocol{}, nil, nil),
		"there are 7 rows":         measure(retrieval.Protocol{Queries: []int{7}}, nil, nil),
		"query twice":              measure(retrieval.Protocol{Queries: []int{1, 1}}, nil, nil),
		"leave none":               measure(retrieval.Protocol{Queries: retrieval.First(7), Apart: true}, nil, nil),
		"-1 ranks":                 measure(retrieval.Protocol{Queries: []int{0}, At: -1}, nil, nil),
		"2 labels of 7 rows":       measure(one, []int{1, 2}, nil),
		"nearest rows of 0":        measure(one, nil, [][]int32{}),
		"no query has a label":     measure(one, []int{5, 1, 1, 1, 1, 1, 1}, nil),
		"3 numbers are no rows":    space,
		"use cosine or euclidean":  metric,
		"3 bytes are no whole":     packed,
		"use a multiple":           uneven,
		"label 1 has 3 rows: use ": few,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := retrieval.Measure(ctx, c, nil, nil, one); !errors.Is(err, context.Canceled) {
		t.Errorf("a done context gives %v", err)
	}
}

// As many rows of each label: the first, or random ones, each as likely as another.
func TestOfEach(t *testing.T) {
	t.Parallel()
	labels := []int{-1, 4, 4, 2, 4, 2, 2}
	got, err := retrieval.FirstOfEach(labels, 4)
	if want := []int{1, 2, 3, 5}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	const seeds = 3000
	drawn := make([]int, len(labels))
	for seed := range uint64(seeds) {
		rows, err := retrieval.RandomOfEach(labels, 4, seed)
		if err != nil || len(rows) != 4 || !slices.IsSorted(rows) {
			t.Fatal(rows, err)
		}
		for _, row := range rows {
			drawn[row]++
		}
		if any := retrieval.Random(7, 3, seed); len(slices.Compact(any)) != 3 || !slices.IsSorted(any) || any[2] > 6 {
			t.Fatal(any)
		}
	}
	for row, n := range drawn[1:] { // two of three of each label
		if p := 2.0 / 3; math.Abs(float64(n)-seeds*p) > 4.5*math.Sqrt(seeds*p*(1-p)) {
			t.Errorf("row %d is drawn %d times of %d", row+1, n, seeds)
		}
	}
	if drawn[0] != 0 {
		t.Error("a row without a label is drawn")
	}
}

// Raw pixels' cosine, the first 2,000 test images among all 10,000, was measured with PyTorch before: 0.760 and 0.428.
func TestCosineOfMNIST(t *testing.T) {
	t.Parallel()
	set, err := dataset.Load(t.Context(), ortest.MNIST(t), dataset.Options{Split: dataset.Test, Labels: true})
	if err != nil {
		t.Fatal(err)
	}
	values, labels := make([]float32, set.Len()*set.RowSize()), make([]int, set.Len())
	for i := range labels {
		set.Row(i, values[i*set.RowSize():][:set.RowSize()])
		labels[i] = set.Label(i)
	}
	f, err := retrieval.NewFloats(values, set.RowSize(), retrieval.Cosine)
	if err != nil {
		t.Fatal(err)
	}
	got, err := retrieval.Measure(t.Context(), f, labels, nil, retrieval.Protocol{Queries: retrieval.First(2000), At: 100, Votes: 10})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "precision@100", got.Precision, 0.760, 0.001)
	near(t, "mAP", got.MeanAP, 0.428, 0.001)
}

func BenchmarkMeasure(b *testing.B) {
	for _, size := range []struct {
		name          string
		rows, queries int
	}{{"2000x10000", 10_000, 2000}, {"1000x69000", 70_000, 1000}} {
		b.Run(size.name, func(b *testing.B) {
			packed, labels := make([]byte, 8*size.rows), make([]int, size.rows)
			for i := range packed {
				packed[i], labels[i/8] = byte(i*i*2654435761>>9), i/8%10
			}
			c, err := retrieval.NewCodes(packed, 64)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := retrieval.Measure(b.Context(), c, labels, nil, retrieval.Protocol{Queries: retrieval.First(size.queries), At: 100, Votes: 10}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(size.queries)*float64(b.N)/b.Elapsed().Seconds(), "queries/s")
			b.ReportMetric(float64(runtime.GOMAXPROCS(0)), "cores")
		})
	}
}
