package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"

	"github.com/catvae/catvae/bench/internal/commands"
	"github.com/catvae/catvae/bench/internal/rows"
	"github.com/catvae/catvae/bench/internal/stats"
	"github.com/catvae/catvae/bundle"
)

// contender is a whole command that makes codes of rows.
type contender struct {
	name             string
	rows             int
	run              func(ctx context.Context, c *contender) (commands.Outcome, error)
	rates            []float64 // rows per second, turn by turn
	startUps, memory []float64
	codes            string // the file that it writes
}

const (
	torchFloat32 = "PyTorch float32"
	inferFloat32 = "infer"
	inferUint8   = "infer, uint8"
	inferInt8    = "infer, int8"
)

// whole times whole commands over the same file of rows. Start-up and working time are kept apart: the second is from the
// first row to the end of the file of codes, as each contender says itself, and the first is the rest of the wall time:
// loading, opening, and ending.
func (b *bench) whole(ctx context.Context) error {
	source := b.path("rows.idx")
	if err := rows.Source(b.Data).WriteIDX(ctx, source, b.Rows); err != nil {
		return err
	}
	defer os.Remove(source)
	contenders, err := b.contenders(ctx, source)
	if err != nil {
		return err
	}
	for turn := range b.Rounds {
		for i := range contenders {
			c := contenders[(i+turn)%len(contenders)]
			fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", turn+1, b.Rounds, c.name)
			if err := c.turn(ctx); err != nil {
				return err
			}
		}
	}
	fmt.Printf("%d rows, %d threads, %d rounds in which the contenders take turns; medians, quartiles, and medians of the rounds' ratios\n\n", b.Rows, b.Threads, b.Rounds)
	return report(contenders)
}

func (c *contender) turn(ctx context.Context) error {
	if err := os.RemoveAll(c.codes); err != nil {
		return err
	}
	o, err := c.run(ctx, c)
	if err != nil {
		return err
	}
	seconds, err := workingSeconds(o)
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	c.rates = append(c.rates, float64(c.rows)/seconds)
	c.startUps = append(c.startUps, o.Seconds-seconds)
	c.memory = append(c.memory, o.PeakMB)
	return nil
}

// contenders makes the list; those in Python first find out which batch size suits them.
func (b *bench) contenders(ctx context.Context, source string) ([]*contender, error) {
	ours := func(name string, more ...string) *contender {
		return &contender{name: name, rows: b.Rows, run: func(ctx context.Context, c *contender) (commands.Outcome, error) {
			return b.infer.Infer(ctx, b.infer.Encode(source, c.codes, more...)...)
		}}
	}
	list := []*contender{ours(inferFloat32)}
	if b.hasVariant(bundle.VariantUint8) {
		list = append(list, ours(inferUint8, "--variant", bundle.VariantUint8))
	}
	if b.hasVariant(bundle.VariantInt8) {
		list = append(list, ours(inferInt8, "--variant", bundle.VariantInt8))
	} else {
		fmt.Print("The bundle has no int8 variant, so none is timed.\n\n")
	}
	threads := strconv.Itoa(b.Threads)
	for _, theirs := range []struct {
		name, script string
		args         []string
	}{
		{torchFloat32, "torch_codes.py", []string{"float32", threads, b.Work}},
		{"PyTorch bfloat16", "torch_codes.py", []string{"bfloat16", threads, b.Work}},
		{"PyTorch dynamic int8", "torch_codes.py", []string{"int8", threads, b.Work}},
		{"onnxruntime in Python", "ort_codes.py", []string{threads, b.path("stitched.onnx")}},
	} {
		fmt.Fprintf(os.Stderr, "%s: looking for its fastest setting\n", theirs.name)
		c, err := b.tuned(ctx, theirs.name, theirs.script, source, theirs.args)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	for i, c := range list {
		c.codes = b.path(fmt.Sprintf("codes%d.npy", i))
	}
	return list, nil
}

// tuned makes a contender of a Python script with its fastest setting, and gives it no more rows than it can handle in
// the longest turn.
func (b *bench) tuned(ctx context.Context, name, script, source string, args []string) (*contender, error) {
	o, err := b.python(ctx, script, args...)
	if err != nil {
		return nil, err
	}
	var best struct {
		Setting json.RawMessage
		Rate    float64
	}
	if err := json.Unmarshal(o.Stdout, &best); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	fmt.Fprintf(os.Stderr, "%s: %s, %.0f rows/s without files\n", name, best.Setting, best.Rate)
	return &contender{name: name, rows: min(b.Rows, int(best.Rate*b.Longest)), run: func(ctx context.Context, c *contender) (commands.Outcome, error) {
		return b.python(ctx, script, append(args[:len(args):len(args)], string(best.Setting), source, c.codes, strconv.Itoa(c.rows))...)
	}}, nil
}

// report prints the table and what was promised.
func report(contenders []*contender) error {
	byName := map[string]*contender{}
	for _, c := range contenders {
		byName[c.name] = c
	}
	theirs, ours := byName[torchFloat32], byName[inferFloat32]
	stats.Header("contender", "rows", "rows/s", "quartiles", "of PyTorch float32", "start-up s", "peak MB", "bits equal to infer's")
	for _, c := range contenders {
		equal, err := agreement(ours.codes, c.codes)
		if err != nil {
			return err
		}
		stats.Line(c.name, strconv.Itoa(c.rows), fmt.Sprintf("%.0f", stats.Median(c.rates)), stats.Quartiles(c.rates, "%.0f"),
			fmt.Sprintf("%.2f", stats.MedianRatio(c.rates, theirs.rates)), fmt.Sprintf("%.2f", stats.Median(c.startUps)), fmt.Sprintf("%.0f", stats.Median(c.memory)), fmt.Sprintf("%.5f %%", 100*equal))
	}
	fmt.Println()
	float := stats.MedianRatio(ours.rates, theirs.rates)
	check(float >= 1, "infer is %.2f times as fast as PyTorch float32; 1.0 is wanted", float)
	if int8 := byName[inferInt8]; int8 != nil {
		r := stats.MedianRatio(int8.rates, theirs.rates)
		check(r >= 3.5, "infer int8 is %.2f times as fast as PyTorch float32; 3.5 is wanted", r)
		best := theirs
		for _, name := range []string{"PyTorch bfloat16", "PyTorch dynamic int8"} {
			if stats.Median(byName[name].rates) > stats.Median(best.rates) {
				best = byName[name]
			}
		}
		r = stats.MedianRatio(int8.rates, best.rates)
		check(r >= 1.2, "infer int8 is %.2f times as fast as %s, the best of PyTorch; 1.2 is wanted", r, best.name)
	}
	return nil
}

var inferRate = regexp.MustCompile(`: (\d+) rows of .* ([\d.]+) rows/s`)

// workingSeconds returns what infer or a Python contender says of its time from the first row to the end of the file.
func workingSeconds(o commands.Outcome) (float64, error) {
	var said struct{ Seconds float64 }
	if json.Unmarshal(o.Stdout, &said) == nil && said.Seconds > 0 {
		return said.Seconds, nil
	}
	m := inferRate.FindSubmatch(o.Stderr)
	if m == nil {
		return 0, fmt.Errorf("no time in %q", commands.LastLine(o.Stderr))
	}
	rows, err := strconv.ParseFloat(string(m[1]), 64)
	rate, err2 := strconv.ParseFloat(string(m[2]), 64)
	return rows / rate, errors.Join(err, err2)
}

// check says whether a speed that is wanted is reached.
func check(reached bool, format string, args ...any) {
	word := "not reached"
	if reached {
		word = "reached"
	}
	fmt.Printf("- %s: %s\n", word, fmt.Sprintf(format, args...))
}
