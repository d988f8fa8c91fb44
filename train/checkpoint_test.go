package train

import (
	"errors"
	"strings"
	"testing"

	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/train/engine"
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
