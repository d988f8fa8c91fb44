package train_test

import (
	"bytes"
	"errors"
	"image/png"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/runtime/purego"
	"github.com/catvae/catvae/train"
)

const moves = `data.augment=[{"affine": {"rotate": 20, "scale": 0.2, "shear": 0.3, "shift": 2}}, {"elastic": 0.5}, {"mask": {"part": 0.2, "chance": 0.5}}]`

// A run on augmented rows that is cut and resumed ends with the weights of one without a pause; the list is in its configuration, and no other
// list continues it. Without the list the weights are others.
func TestAugmentedResume(t *testing.T) {
	t.Parallel()
	data, dir := glyphFile(t, 700), t.TempDir()
	with := func(more ...string) train.Config {
		return config(t, append([]string{"batch=50", "data.validation=200", "data.binarize=dynamic", "objective.kl_warmup=0", moves}, more...)...)
	}
	whole, cut, moved, plain := filepath.Join(dir, "whole"), filepath.Join(dir, "cut"), filepath.Join(dir, "moved"), filepath.Join(dir, "plain")
	trained(t, with("steps=17"), data, whole, false)
	trained(t, with("steps=8"), data, cut, false)
	trained(t, with("steps=17"), data, cut, true)
	if newestState(t, cut) != newestState(t, whole) {
		t.Error("a run that is resumed has other weights than one without a pause")
	}
	trained(t, with("steps=17", "data.target=moved"), data, moved, false)
	trained(t, with("steps=17", "data.augment="), data, plain, false)
	if a, b, c := newestState(t, whole), newestState(t, moved), newestState(t, plain); a == b || a == c || b == c {
		t.Error("clean targets, moved ones and no augmentation give the same weights")
	}
	if c := runConfig(t, whole); len(c.Data.Augment) != 3 || c.Data.Augment[2].Chance != 0.5 {
		t.Errorf("the run's configuration has %v", c.Data.Augment)
	}
	for name, set := range map[string]string{"another strength": "data.augment[1].elastic=0.6", "another target": "data.target=moved"} {
		_, err := train.Run(t.Context(), with("steps=20", set), train.Options{Source: data, Out: whole, Resume: true, Backend: purego.New(), Samples: 1})
		if !errors.Is(err, train.ErrConfig) || !strings.Contains(err.Error(), "data.") {
			t.Errorf("%s: %v", name, err)
		}
	}
	trained(t, with("steps=20", "data.target=clean"), data, whole, true) // what was left out, in words
}

// Both engines see the same augmented rows: after some steps their losses agree.
func TestEnginesAgreeOnAugmentedRows(t *testing.T) {
	t.Parallel()
	data := glyphFile(t, 500)
	var losses [2]float64
	for i, e := range []train.Engine{train.Tape, train.Compiled} {
		out := filepath.Join(t.TempDir(), "run")
		last := 0.0
		_, err := train.Run(t.Context(), config(t, "batch=50", "data.validation=200", "steps=8", moves), train.Options{Source: data, Out: out, Engine: e, Backend: purego.New(), Samples: 1,
			Progress: func(p train.Progress) {
				if p.Phase == "training" {
					last = p.Loss
				}
			}})
		if err != nil {
			t.Fatal(err)
		}
		losses[i] = last
	}
	if math.Abs(losses[0]-losses[1]) > 1e-3 || losses[0] == 0 {
		t.Errorf("the engines' losses are %g and %g", losses[0], losses[1])
	}
}

// Rows that an augmentation is not for, and lists that make no sense, are refused before a folder is made.
func TestAugmentRefuses(t *testing.T) {
	t.Parallel()
	source, _ := unitRows(t)
	for set, want := range map[string]string{
		`data.augment=[{"noise": 0.1}, {"affine": 10}]`: "data.augment[1].affine: it is for pictures",
		`data.augment=[{"salt_pepper": 0.1}]`:           "data.augment[0].salt_pepper",
		`data.augment=[{"noise": -1}]`:                  "data.augment[0].noise.deviation is -1: use a number from 0",
	} {
		out := filepath.Join(t.TempDir(), "run")
		_, err := train.Run(t.Context(), standardised(t, "column", set), train.Options{Source: source, Out: out, Backend: purego.New(), Samples: 1})
		if !errors.Is(err, train.ErrConfig) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", set, err, want)
		}
	}
	c := config(t)
	for set, want := range map[string]string{
		`data.augment=[{"nois": 0.1}]`:       "did you mean noise?",
		`data.augment=nonsense`:              "a list of augmentations is JSON",
		`data.augment[0].noise.deviation=1`:  "there is no [0]",
		`data.augment.noise=1`:               "no such key",
		`data.augmen[0].noise.deviation=0.1`: "no such key",
	} {
		if err := c.Set(set); !errors.Is(err, train.ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", set, err, want)
		}
	}
	c.Data.Target = "other"
	if err := c.Validate(); !errors.Is(err, train.ErrConfig) || !strings.Contains(err.Error(), "data.target") {
		t.Errorf("another target: %v", err)
	}
}

// Columns are disturbed in the units of their deviations, and dropped; the run learns.
func TestAugmentedColumns(t *testing.T) {
	t.Parallel()
	source, _ := unitRows(t)
	out := filepath.Join(t.TempDir(), "run")
	r, err := train.Run(t.Context(), standardised(t, "column", `data.augment=[{"mask": 0.2}, {"noise": 0.1}]`), train.Options{Source: source, Out: out, Backend: purego.New(), Samples: 1})
	if err != nil || r.Steps == 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// The sheet has a line of rows as they are, one for each augmentation and two for all of them.
func TestWriteAugmented(t *testing.T) {
	t.Parallel()
	data := glyphFile(t, 30)
	var sheet bytes.Buffer
	if err := config(t, moves).WriteAugmented(t.Context(), data, &sheet); err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(&sheet)
	if err != nil {
		t.Fatal(err)
	}
	if size := picture.Bounds().Size(); size.X != 12*58+2 || size.Y != 6*58+2 {
		t.Errorf("the sheet is %v", size)
	}
	differ := func(line int) bool { // from the first
		for y := range 58 {
			for x := range 12 * 58 {
				if picture.At(x, y) != picture.At(x, line*58+y) {
					return true
				}
			}
		}
		return false
	}
	for line := 1; line < 6; line++ {
		if !differ(line) {
			t.Errorf("line %d has the rows as they are", line)
		}
	}
	source, _ := unitRows(t)
	for want, c := range map[string]train.Config{"no pictures": standardised(t, "column", `data.augment=[{"noise": 0.1}]`), "data.augment is empty": config(t)} {
		if err := c.WriteAugmented(t.Context(), source, &sheet); !errors.Is(err, train.ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}
