package train

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/train/engine"
	"gorgonia.org/tensor"
)

// The last two checkpoints and the best are kept; one of another format is neither read nor passed over.
func TestCheckpointsKept(t *testing.T) {
	run := t.TempDir()
	state := engine.State{Tensors: []onnxtensor.Tensor{{Name: "w", Shape: []int64{2}, Data: []float32{1, 2}}}}
	for step := 10; step <= 50; step += 10 {
		c := Checkpoint{Format: checkpointMajor, Step: step, Best: &Best{Step: 20}}
		if step < 20 {
			c.Best = nil
		}
		if err := saveCheckpoint(run, c, state); err != nil {
			t.Fatal(err)
		}
	}
	steps, err := checkpointSteps(run)
	if err != nil || len(steps) != 3 || steps[0] != 50 || steps[1] != 40 || steps[2] != 20 {
		t.Fatalf("kept %v, %v", steps, err)
	}
	warn := func(line string) { t.Errorf("warned: %s", line) }
	c, s, found, err := newestCheckpoint(run, warn)
	if err != nil || !found || c.Step != 50 || s.Steps != 50 || s.Tensors[0].Data.([]float32)[1] != 2 {
		t.Fatalf("%+v, %+v, %t, %v", c, s, found, err)
	}
	if err := saveCheckpoint(run, Checkpoint{Format: checkpointMajor + 1, Step: 60, Best: c.Best}, state); err != nil {
		t.Fatal(err)
	}
	if _, _, found, err := newestCheckpoint(run, warn); found || !errors.Is(err, errOtherFormat) || !strings.Contains(err.Error(), "format 2") {
		t.Errorf("a checkpoint of another format: %t, %v", found, err)
	}
	if err := dropNewer(run, 50); err != nil {
		t.Fatal(err)
	}
	if steps, err := checkpointSteps(run); err != nil || len(steps) != 2 || steps[0] != 50 || steps[1] != 20 {
		t.Errorf("left %v, %v", steps, err)
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
