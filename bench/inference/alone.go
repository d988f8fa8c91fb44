package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/catvae/catvae/bench/internal/peer"
	"github.com/catvae/catvae/bench/internal/stats"
	"github.com/catvae/catvae/bundle"
)

// job is how a graph is run without files: so many callers, each with so many threads.
type job struct {
	Callers int     `json:"callers"`
	Threads int     `json:"threads"` // of one caller
	Batch   int     `json:"batch"`
	Seconds float64 `json:"seconds"`
}

func (j job) String() string { return fmt.Sprintf("callers x threads %dx%d", j.Callers, j.Threads) }

// arrangements are the ways to use the threads: a caller each, or one caller for all.
func (b *bench) arrangements(batch int) []job {
	list := []job{{Callers: b.Threads, Threads: 1, Batch: batch, Seconds: b.Seconds}}
	if b.Threads > 1 {
		list = append(list, job{Callers: 1, Threads: b.Threads, Batch: batch, Seconds: b.Seconds})
	}
	return list
}

// measurement is what infer --bench says.
type measurement struct {
	Rate  float64            `json:"rows_per_second"`
	Batch int                `json:"batch_size"`
	Busy  map[string]float64 `json:"busy"`
}

// inferAlone runs infer --bench. infer shares its threads out among the callers.
func (b *bench) inferAlone(ctx context.Context, j job, variant string) (m measurement, err error) {
	args := []string{"--model", b.infer.Model, "--bench", "--json", "--bench-time", fmt.Sprintf("%gs", j.Seconds), "--variant", variant,
		"--callers", strconv.Itoa(j.Callers), "--threads", strconv.Itoa(j.Callers * j.Threads)}
	if j.Batch > 0 {
		args = append(args, "--batch", strconv.Itoa(j.Batch))
	}
	o, err := b.infer.Infer(ctx, args...)
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(o.Stdout, &m)
}

// byteVariant is the variant that takes bytes and reckons in float32, where the bundle has it: the graph that prepare.py
// takes too.
func (b *bench) byteVariant() string {
	if b.hasVariant(bundle.VariantUint8) {
		return bundle.VariantUint8
	}
	return bundle.VariantFloat32
}

// alone compares infer --bench with onnxruntime's own rate on the same graph, called from Python in both arrangements.
func (b *bench) alone(ctx context.Context) (err error) {
	ours := b.arrangements(b.Batch)[0]
	first, err := b.inferAlone(ctx, ours, b.byteVariant())
	if err != nil {
		return err
	}
	python, err := peer.Start(ctx, "ort_rate.py", b.Python, b.script("ort_rate.py"), b.path("stitched.onnx"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, python.Close()) }()
	arrangements := b.arrangements(first.Batch)
	var rates []float64
	theirs := make([][]float64, len(arrangements))
	for turn := range b.Rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", turn+1, b.Rounds)
		for i := range len(arrangements) + 1 {
			if i = (i + turn) % (len(arrangements) + 1); i == len(arrangements) {
				m, err := b.inferAlone(ctx, ours, b.byteVariant())
				if err != nil {
					return err
				}
				rates = append(rates, m.Rate)
				continue
			}
			var answer struct{ Rate float64 }
			if err := python.Ask(arrangements[i], &answer); err != nil {
				return err
			}
			theirs[i] = append(theirs[i], answer.Rate)
		}
	}
	fmt.Printf("Batch %d, %d threads, %d rounds of %g s; variant %s; medians, quartiles, medians of the rounds' ratios\n\n", first.Batch, b.Threads, b.Rounds, b.Seconds, b.byteVariant())
	stats.Header("contender", "rows/s", "quartiles", "infer over it")
	rateLine("infer --bench, "+ours.String(), rates, rates)
	fastest := 0
	for i, j := range arrangements {
		rateLine("onnxruntime, "+j.String(), theirs[i], rates)
		if stats.Median(theirs[i]) > stats.Median(theirs[fastest]) {
			fastest = i
		}
	}
	fmt.Println()
	r := stats.MedianRatio(rates, theirs[fastest])
	check(r >= 0.95, "infer has %.3f of onnxruntime's own rate (%s); 0.95 is wanted", r, arrangements[fastest])
	return nil
}

func rateLine(name string, rates, ours []float64) {
	stats.Line(name, fmt.Sprintf("%.0f", stats.Median(rates)), stats.Quartiles(rates, "%.0f"), fmt.Sprintf("%.3f", stats.MedianRatio(ours, rates)))
}

// callers prints infer's rate by batch size, in both arrangements.
func (b *bench) callers(ctx context.Context) error {
	arrangements := b.arrangements(0)
	columns := []string{"batch"}
	for _, j := range arrangements {
		columns = append(columns, j.String()+", rows/s")
	}
	fmt.Printf("infer --bench, variant %s, %d rounds of %g s, medians; the ratio is the median of the rounds'\n\n", b.byteVariant(), b.Rounds, b.Seconds)
	stats.Header(append(columns, "first over last")...)
	for batch := 64; batch <= 8192; batch *= 2 {
		rates := make([][]float64, len(arrangements))
		for turn := range b.Rounds {
			for i := range arrangements {
				i = (i + turn) % len(arrangements)
				j := arrangements[i]
				j.Batch = batch
				m, err := b.inferAlone(ctx, j, b.byteVariant())
				if err != nil {
					return err
				}
				rates[i] = append(rates[i], m.Rate)
			}
		}
		cells := []string{strconv.Itoa(batch)}
		for _, r := range rates {
			cells = append(cells, fmt.Sprintf("%.0f", stats.Median(r)))
		}
		stats.Line(append(cells, fmt.Sprintf("%.2f", stats.MedianRatio(rates[0], rates[len(rates)-1])))...)
	}
	return nil
}
