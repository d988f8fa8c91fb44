package train

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dataset/augment"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/models"
	"github.com/catvae/catvae/train/engine"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

const moves = `data.augment=[{"affine": {"rotate": 20, "scale": 0.2, "shift": 2}}, {"elastic": 0.5}, {"mask": {"part": 0.2, "chance": 0.5}}]`

// glyphBatches returns batches of 20 of 100 glyphs, with a second view.
func glyphBatches(t *testing.T, set ...string) *batches {
	t.Helper()
	c, err := LoadConfig(models.DefaultName, os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append([]string{"batch=20", "encoder.hidden=4", "decoder.hidden=4", "latent.variables=3"}, set...) {
		if err := c.Set(s); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := dataset.Load(t.Context(), dataset.GlyphsSource, dataset.Options{Rows: 100})
	if err != nil {
		t.Fatal(err)
	}
	params, err := builder.NewParams(tensor.Float32, 1)
	if err != nil {
		t.Fatal(err)
	}
	tr := &tracer{model: c.Model(rows.Shape), params: params, form: formOf(rows, c), clean: c.Data.cleanTarget()}
	if _, err := tr.trace(G.NewGraph(), c.Batch); err != nil {
		t.Fatal(err)
	}
	b := builder.New(params)
	view, _ := tr.rows(b, builder.ViewInput, c.Batch)
	b2, err := newBatches(c, dist.Standard{}, rows, tr.form, append(tr.inputs, builder.Input{Name: builder.ViewInput, Purpose: builder.ViewPurpose, Node: view}))
	if err != nil {
		t.Fatal(err)
	}
	return b2
}

// filled returns the inputs of a step.
func filled(t *testing.T, b *batches, step int) engine.Batch {
	t.Helper()
	to := b.memory(1)[0]
	epoch, _ := b.epochOf(step)
	if err := b.fill(to, new(filling), step, b.order(epoch)); err != nil {
		t.Fatal(err)
	}
	return to
}

func equal(a, b any) bool {
	switch a := a.(type) {
	case []uint8:
		b, ok := b.([]uint8)
		return ok && slices.Equal(a, b)
	case []float32:
		b, ok := b.([]float32)
		return ok && slices.Equal(a, b)
	}
	return false
}

// What is made ahead is what each step's own filling gives, in order, from whatever step on and by however many goroutines.
func TestAhead(t *testing.T) {
	t.Parallel()
	b := glyphBatches(t, moves)
	const steps, atOnce = 23, 3
	size := func(step int) int { return min(atOnce, b.perEpoch()-step%b.perEpoch(), steps-step) }
	for _, makers := range []int{1, 4} {
		for _, from := range []int{0, 7} {
			a := newAhead(b, from, atOnce, makers, size)
			step := from
			for step < steps {
				got, err := a.next()
				if err != nil {
					t.Fatal(err)
				}
				if len(got) != size(step) {
					t.Fatalf("step %d: %d batches, want %d", step, len(got), size(step))
				}
				for _, batch := range got {
					if want := filled(t, b, step); !maps.EqualFunc(batch, want, equal) {
						t.Fatalf("%d makers, step %d from %d: another batch", makers, step, from)
					}
					step++
				}
			}
			if _, err := a.next(); err == nil {
				t.Error("batches after the last step")
			}
			a.close()
		}
	}
}

// No more is made than there is memory for; whoever closes in between waits for everybody, and may do it twice.
func TestAheadEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	b := glyphBatches(t, moves)
	for _, taken := range []int{0, 1, 5} {
		const makers = 3
		var handed atomic.Int32
		a := newAhead(b, 0, 1, makers, func(int) int { handed.Add(1); return 1 })
		for range taken {
			if _, err := a.next(); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(30 * time.Millisecond)
		if n := int(handed.Load()); n > taken+makers+3 {
			t.Errorf("%d calls are begun, %d taken", n, taken)
		}
		a.close()
		a.close()
		if n := int(handed.Load()); n > taken+makers+3 {
			t.Errorf("%d calls are begun after close", n)
		}
	}
	for range 100 { // goroutines of other tests may end, too
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, before %d", runtime.NumGoroutine(), before)
}

// An error comes at the step that it is of, after the steps before it, and stays.
func TestAheadErrors(t *testing.T) {
	t.Parallel()
	b := glyphBatches(t)
	var err error
	if b.views[0].augment, err = augment.New(augment.List{{Kind: augment.Noise{Deviation: 1}}}, augment.Rows{Shape: []int{3}}, 1, 0); err != nil {
		t.Fatal(err)
	}
	a := newAhead(b, 0, 1, 2, func(step int) int { return min(1, 4-step) })
	defer a.close()
	for range 4 {
		if _, err := a.next(); err == nil || !strings.Contains(err.Error(), "train: data.augment: augment: a row has 784 values") {
			t.Errorf("rows of another size: %v", err)
		}
	}
}

// The encoder sees moved rows; a clean target is what it saw without the key, bit for bit; other inputs are the same.
func TestAugmentedRows(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{"none", "dynamic", "fixed", "threshold"} {
		plain := glyphBatches(t, "data.binarize="+rule)
		for name, set := range map[string][]string{"clean": nil, "moved": {"data.target=moved"}, "still": {`data.augment=[{"affine": {}}]`}} {
			b := glyphBatches(t, append([]string{"data.binarize=" + rule, moves}, set...)...)
			for _, step := range []int{0, 3, 12} {
				was, is := filled(t, plain, step), filled(t, b, step)
				target, clean := is[builder.TargetInput]
				if clean != (name != "moved") || clean && !equal(target, was[builder.SampleInput]) {
					t.Errorf("%s, %s: the target of step %d is not the row as it was (%v)", rule, name, step, clean)
				}
				if same := equal(is[builder.SampleInput], was[builder.SampleInput]); same != (name == "still") {
					t.Errorf("%s, %s: the encoder sees the same rows: %v", rule, name, same)
				}
				if name != "still" && equal(is[builder.SampleInput], is[builder.ViewInput]) {
					t.Errorf("%s, %s: both views are the same", rule, name)
				}
				if !equal(is[builder.NoiseInput], was[builder.NoiseInput]) {
					t.Errorf("%s, %s: augmentation changes the noise", rule, name)
				}
				if equal(filled(t, b, step+5)[builder.ViewInput], is[builder.ViewInput]) {
					t.Errorf("%s, %s: the next epoch has the same view", rule, name)
				}
				for _, x := range is[builder.SampleInput].([]uint8) {
					if (rule == "dynamic" || rule == "fixed") && x > 1 {
						t.Fatalf("%s: a bit is %d", rule, x)
					}
				}
			}
		}
		was := filled(t, plain, 1)
		if same := equal(was[builder.SampleInput], was[builder.ViewInput]); same != (rule != "dynamic") {
			t.Errorf("%s, without augmentation: both views are the same: %v", rule, same)
		}
	}
}

// Rows whose bytes are no shades of 256 become floats: what lies between two of their values would be lost.
func TestAugmentedForm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values dist.Values
		most   byte
		want   RowForm
	}{
		{dist.Unit(), 255, GreyRows}, {dist.Unit().Alike(255, true), 255, GreyRows}, {dist.Unit().Alike(1, true), 1, FloatRows}, {dist.Unit().Alike(16, true), 16, FloatRows},
		{dist.Values{Bytes: 1, Numbers: 1, One: true, Whole: true, Deviation: 1, Least: 0, Most: 255}, 255, BitRows}, {dist.Counts(), 255, FloatRows},
	} {
		var file bytes.Buffer
		w, err := dataset.NewNPYWriter(&file, "uint8", 2, 2, 2)
		if err == nil {
			err = errors.Join(w.WriteBytes([]byte{0, 1, c.most, 0, 1, 0, 0, c.most}), w.Close())
		}
		path := filepath.Join(t.TempDir(), "rows.npy")
		if err == nil {
			err = os.WriteFile(path, file.Bytes(), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		set, err := dataset.Load(t.Context(), path, dataset.Options{Values: c.values})
		if err != nil {
			t.Fatal(err)
		}
		config := Config{Data: Data{Binarize: dataset.None, Augment: augment.List{{Kind: augment.Flip{Horizontal: 1}}}}}
		if got := formOf(set, config); got != c.want {
			t.Errorf("%v: rows are %s, want %s", c.values, got, c.want)
		}
	}
}
