package train

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/internal/readfile"
	"github.com/catvae/catvae/train/engine"
	"gorgonia.org/tensor"
)

// The last two checkpoints and the best are kept; one of another format is neither read nor passed over.
func TestCheckpointsKept(t *testing.T) {
	run := t.TempDir()
	root, err := os.OpenRoot(run)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	hash, err := configHash(Config{})
	if err != nil {
		t.Fatal(err)
	}
	state := engine.State{Tensors: []onnxtensor.Tensor{{Name: "w", Shape: []int64{2}, Data: []float32{1, 2}}}}
	for step := 10; step <= 50; step += 10 {
		c := Checkpoint{Format: checkpointMajor, Step: step, ConfigSHA256: hash, Best: &Best{Step: 20}}
		if step < 20 {
			c.Best = nil
		}
		if err := saveCheckpoint(root, c, state); err != nil {
			t.Fatal(err)
		}
	}
	steps, err := checkpointSteps(root.FS())
	if err != nil || len(steps) != 3 || steps[0] != 50 || steps[1] != 40 || steps[2] != 20 {
		t.Fatalf("kept %v, %v", steps, err)
	}
	warn := func(line string) { t.Errorf("warned: %s", line) }
	c, s, found, err := newestCheckpoint(run, Config{}, warn)
	if err != nil || !found || c.Step != 50 || s.Steps != 50 || s.Tensors[0].Data.([]float32)[1] != 2 {
		t.Fatalf("%+v, %+v, %t, %v", c, s, found, err)
	}
	if err := saveCheckpoint(root, Checkpoint{Format: checkpointMajor + 1, Step: 60, Best: c.Best}, state); err != nil {
		t.Fatal(err)
	}
	if _, _, found, err := newestCheckpoint(run, Config{}, warn); found || !errors.Is(err, errOtherFormat) || !strings.Contains(err.Error(), "format 2") {
		t.Errorf("a checkpoint of another format: %t, %v", found, err)
	}
	if err := dropNewer(root, 50); err != nil {
		t.Fatal(err)
	}
	if steps, err := checkpointSteps(root.FS()); err != nil || len(steps) != 2 || steps[0] != 50 || steps[1] != 20 {
		t.Errorf("left %v, %v", steps, err)
	}
}

// A state that claims more than is read is refused by its size, before it is hashed.
func TestStateTooLarge(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), stateFile)
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 3<<30); err != nil { // sparse
		t.Fatal(err)
	}
	_, err := readState(path, "")
	if !errors.Is(err, readfile.ErrTooLarge) || readfile.System(err) || !strings.Contains(err.Error(), "3221225472") {
		t.Errorf("3 GB: %v", err)
	}
}

// Parameters come back from a checkpoint's file as they were; a damaged file is refused.
func TestWeightsRoundTrip(t *testing.T) {
	params, err := builder.NewParams(tensor.Float32, 1)
	if err != nil {
		t.Fatal(err)
	}
	b := builder.New(params)
	b.MLP(b.Input("x", 2, 4), []int{3}, builder.ReLU, 5)
	if b.Err() != nil {
		t.Fatal(b.Err())
	}
	var tensors []onnxtensor.Tensor
	for _, name := range params.Names() {
		v := params.Value(name)
		tensors = append(tensors, onnxtensor.Tensor{Name: name, Shape: int64s(v.Shape()), Data: v.Data()})
	}
	data, err := encodeTensors(tensors, nil)
	if err != nil {
		t.Fatal(err)
	}
	back, err := builder.NewParams(tensor.Float32, 99)
	if err != nil {
		t.Fatal(err)
	}
	if tensors, err = parseTensors(data); err == nil {
		err = setParams(back, tensors)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range params.Names() {
		if !slices.Equal(builder.Floats(params.Value(name)), builder.Floats(back.Value(name))) {
			t.Errorf("%s changed", name)
		}
	}
	for name, spoiled := range map[string][]byte{"truncated": data[:len(data)-3], "empty": {}, "words": []byte("hello, this is text")} {
		if _, err := parseTensors(spoiled); err == nil {
			t.Errorf("%s: is taken", name)
		}
	}
}

// Runs from before networks, likelihoods and estimators had names can be resumed: their configurations are read, and
// have the hash that their checkpoints hold. The files are of catvae 0.1.0: a run's config.json, and config_sha256 of
// its newest state.json.
func TestOldConfigurations(t *testing.T) {
	files, err := filepath.Glob("testdata/before-kinds/*.json")
	if err != nil || len(files) != 4 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var old struct {
			Config json.RawMessage `json:"config"`
			SHA256 string          `json:"config_sha256"`
		}
		if err := json.Unmarshal(data, &old); err != nil {
			t.Fatal(err)
		}
		c, err := parseConfig(Config{}, string(old.Config))
		if err == nil {
			err = c.Validate()
		}
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if hash, err := configHash(c); err != nil || hash != old.SHA256 {
			t.Errorf("%s: its hash is %s, %v, its checkpoints hold %s", file, hash, err, old.SHA256)
		}
		for _, same := range []string{"likelihood.kind=bernoulli", "objective.estimator=gumbel", "data.standardise=none", "latent.thresholds=zero", "epochs=99"} {
			other := c
			if err := other.Set(same); err != nil {
				t.Fatal(err)
			}
			if hash, err := configHash(other); err != nil || hash != old.SHA256 {
				t.Errorf("%s with %s, which says the same, has another hash: %v", file, same, err)
			}
		}
	}
}

// Thresholds lie with the weights that they belong to, apart from them: as they were saved, or as an error.
func TestThresholdsInCheckpoints(t *testing.T) {
	t.Parallel()
	run := t.TempDir()
	root, err := os.OpenRoot(run)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	state := engine.State{Tensors: []onnxtensor.Tensor{{Name: "w", Shape: []int64{2}, Data: []float32{1, 2}}}}
	latent := func(thresholds string) builder.Latent {
		return builder.Latent{Kind: "bernoulli", Variables: 3, Thresholds: thresholds}
	}
	for i, c := range []struct {
		saved  *Thresholds
		latent builder.Latent
		values []float32
		wrong  string
	}{
		{nil, latent(""), nil, ""},
		{nil, latent("median"), nil, "has no thresholds"},
		{&Thresholds{Chosen: "median", Rows: 9, values: []float32{1, -2, 3}}, latent("median"), []float32{1, -2, 3}, ""},
		{&Thresholds{Chosen: "zero", Rows: 9, HeldOut: 20}, latent("best"), nil, ""},
		{&Thresholds{Chosen: "median", Rows: 9, values: []float32{1, -2}}, latent("median"), nil, "has 2 thresholds, and the model 3 bits"},
	} {
		if err := saveCheckpoint(root, Checkpoint{Format: checkpointMajor, Step: i, Thresholds: c.saved}, state); err != nil {
			t.Fatal(err)
		}
		back, s, err := readCheckpoint(run, i)
		if err != nil || len(s.Tensors) != 1 {
			t.Fatalf("%d: %d tensors, %v", i, len(s.Tensors), err)
		}
		values, err := back.thresholdsOf(c.latent)
		if !slices.Equal(values, c.values) || (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%d: %v, %v", i, values, err)
		}
	}
	for i, c := range []Checkpoint{{Thresholds: &Thresholds{Chosen: "median"}}, {Thresholds: &Thresholds{Chosen: "zero", values: []float32{1}}}} {
		c.Format, c.Step = checkpointMajor, 100+i
		if err := saveCheckpoint(root, c, state); err != nil {
			t.Fatal(err)
		}
		if _, _, err := readCheckpoint(run, c.Step); !errors.Is(err, ErrCheckpoint) || !strings.Contains(err.Error(), "not those that it says") {
			t.Errorf("thresholds without numbers, or numbers without thresholds: %v", err)
		}
	}
}
