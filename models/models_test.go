package models_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/models"
	"github.com/catvae/catvae/train"
	"gorgonia.org/tensor"
)

// shapes are those of rows for configurations that are not for 28x28.
var shapes = map[string][]int{
	"colour-conv": {3, 32, 32}, "colour-256": {3, 16, 16}, "embeddings-binary": {100}, "embeddings-categorical": {100}, "embeddings-search": {100}, "embeddings-itq": {384},
	"text-counts": {500}, "table": {9},
}

// Every configuration of the catalogue is valid, is listed in its README, and makes graphs: of a training step of two rows, and
// of its encoder and decoder.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range models.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(string(readme), "| `"+name+"` |") {
				t.Errorf("README.md does not name it")
			}
			if models.Doc(name) == "" {
				t.Errorf("it lacks the key doc")
			}
			c, err := train.LoadConfig(name, os.ReadFile)
			if err != nil {
				t.Fatal(err)
			}
			shape := shapes[name]
			if shape == nil {
				shape = []int{28, 28}
			}
			plan, err := c.Plan(shape)
			if err != nil {
				t.Fatal(err)
			}
			if err := build(c, shape); err != nil {
				t.Errorf("%v, planned as %+v", err, plan)
			}
		})
	}
	if _, ok := models.Get("no such model"); ok {
		t.Error("a model that is not there is found")
	}
}

// build makes the graphs of a configuration for two rows.
func build(c train.Config, shape []int) error {
	m := c.Model(shape)
	width := m.Width()
	switch c.Data.Standardise { // as training rows would say
	case dist.StandardColumn:
		m.Standard = dist.Standard{Mean: make([]float64, width), Deviation: ones(width)}
	case dist.StandardAll:
		m.Standard = dist.Standard{Mean: []float64{0}, Deviation: []float64{1}}
	}
	if m.Standard.Vector.Centres() {
		m.Standard.Mean = make([]float64, m.Standard.Size(width))
	}
	params, err := builder.NewParams(tensor.Float32, 1)
	if err != nil {
		return err
	}
	b := builder.New(params)
	if _, err := m.Train(b, 2); err != nil {
		return err
	}
	b = builder.New(params)
	m.Encode(b, b.Input("x", m.InputShape(2)...))
	m.Decode(b, b.Input("z", m.CodeShape(2)...))
	return b.Err()
}

func ones(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = 1
	}
	return v
}

func ExampleNames() {
	fmt.Println(models.Names()[:3])
	// Output: [bernoulli-64 bernoulli-mlp categorical-mlp]
}
