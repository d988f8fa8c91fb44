package builder

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/catvae/catvae/internal/noise"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Params is a model's parameter set: named tensors with their initial values, in the order in which graphs first asked
// for them. Graphs built on one set share its tensors; training writes the new values into them. It is not safe for
// concurrent use.
type Params struct {
	dtype  tensor.Dtype
	seed   uint64
	order  []string
	values map[string]*tensor.Dense
}

// NewParams returns an empty set whose tensors have dtype, tensor.Float32 or tensor.Float64. Initial values depend only
// on seed and on the parameter's place in the order.
func NewParams(dtype tensor.Dtype, seed uint64) (*Params, error) {
	if dtype != tensor.Float32 && dtype != tensor.Float64 {
		return nil, fmt.Errorf("builder: parameters of type %v: use tensor.Float32 or tensor.Float64", dtype)
	}
	return &Params{dtype: dtype, seed: seed, values: map[string]*tensor.Dense{}}, nil
}

// DType returns the type of all tensors of the set.
func (p *Params) DType() tensor.Dtype { return p.dtype }

// Names returns the parameters' names in order.
func (p *Params) Names() []string { return append([]string(nil), p.order...) }

// Value returns the tensor of a parameter, not a copy, or nil.
func (p *Params) Value(name string) *tensor.Dense { return p.values[name] }

// Count returns the number of values in all parameters.
func (p *Params) Count() int {
	n := 0
	for _, v := range p.values {
		n += v.Size()
	}
	return n
}

// Set copies values into a parameter, or adds the parameter when the set lacks it (as when weights are read from a
// file before a graph is built). An existing parameter keeps its shape.
func (p *Params) Set(name string, shape []int, values []float64) error {
	if name == "" {
		return fmt.Errorf("builder: a parameter of shape %v has no name", shape)
	}
	size, err := sizeOf(shape)
	if err == nil && len(shape) == 0 {
		err = errScalar
	}
	if err != nil {
		return fmt.Errorf("builder: parameter %q: %w", name, err)
	}
	if size != len(values) {
		return fmt.Errorf("builder: parameter %q has %d values for shape %v", name, len(values), shape)
	}
	old, ok := p.values[name]
	if !ok {
		p.order = append(p.order, name)
		p.values[name] = dense(p.dtype, values, shape)
		return nil
	}
	if !slices.Equal(old.Shape(), tensor.Shape(shape)) {
		return fmt.Errorf("builder: parameter %q has shape %v, the values given have %v: they belong to another model", name, old.Shape(), shape)
	}
	return tensor.Copy(old, dense(p.dtype, values, shape))
}

// errScalar refuses a parameter without dimensions: gorgonia computes scalars as plain numbers, which cannot be shared.
var errScalar = errors.New("a parameter has at least one dimension: use shape [1], and Sum where a scalar is wanted")

// An Init fills a new parameter of the given shape with initial values; next draws standard normal numbers.
type Init func(dst []float64, shape []int, normal func(dst []float64))

// Zeros fills with 0.
func Zeros(dst []float64, _ []int, _ func([]float64)) { clear(dst) }

// Start returns an initialiser that fills a parameter with the given values, as many as it has; nil stands for zeros.
func Start(values []float64) Init {
	return func(dst []float64, _ []int, _ func([]float64)) {
		clear(dst)
		copy(dst, values)
	}
}

// HeNormal draws from N(0, 2/fan_in), for weights [in, out] that lead into a ReLU. He et al. 1502.01852, equation (10).
func HeNormal(dst []float64, shape []int, normal func([]float64)) {
	scaledNormal(dst, normal, math.Sqrt(2/float64(shape[0])))
}

// GlorotNormal draws from N(0, 2/(fan_in+fan_out)), for weights [in, out] that lead into tanh, a sigmoid or nothing.
// Glorot and Bengio 2010, equation (12).
func GlorotNormal(dst []float64, shape []int, normal func([]float64)) {
	scaledNormal(dst, normal, math.Sqrt(2/float64(shape[0]+shape[len(shape)-1])))
}

func scaledNormal(dst []float64, normal func([]float64), deviation float64) {
	normal(dst)
	for i := range dst {
		dst[i] *= deviation
	}
}

// Parameter adds a trainable parameter under the parts being built ("encoder/1" and "weight" make "encoder/1/weight").
// Its value comes from the set; the first graph that asks for it makes the value with init. One graph may ask for a
// name once: sharing weights inside a graph is done by using the node twice.
func (b *Graph) Parameter(name string, init Init, shape ...int) *G.Node {
	n, again := b.stored(name, init, shape)
	if n != nil && !again {
		b.order = append(b.order, b.path(name))
	}
	return n
}

// stored returns a leaf whose value lives in the set. It says whether the graph had that leaf before.
func (b *Graph) stored(name string, init Init, shape []int) (n *G.Node, again bool) {
	if b.err != nil {
		return nil, false
	}
	name = b.path(name)
	if _, err := sizeOf(shape); err != nil {
		return b.fail("parameter %q: %w", name, err), false
	}
	if len(shape) == 0 {
		return b.fail("parameter %q: %w", name, errScalar), false
	}
	if init == nil {
		return b.fail("parameter %q has no initialiser: use Zeros, HeNormal or GlorotNormal", name), false
	}
	value, ok := b.params.values[name]
	if !ok {
		value = b.params.add(name, init, shape)
	} else if !slices.Equal(value.Shape(), tensor.Shape(shape)) {
		return b.fail("parameter %q is %v in the set, this model wants %v: the weights belong to another model", name, value.Shape(), shape), false
	}
	again = b.shared && b.named[name] != nil
	return b.leaf(name, shape, value), again
}

func (p *Params) add(name string, init Init, shape []int) *tensor.Dense {
	values := make([]float64, tensor.Shape(shape).TotalSize())
	row := uint32(len(p.order))
	init(values, shape, func(dst []float64) {
		noise.Stream{Seed: p.seed, Purpose: noise.Weights}.Normal(dst, 0, row)
	})
	p.order = append(p.order, name)
	p.values[name] = dense(p.dtype, values, shape)
	return p.values[name]
}

// dense copies values into a tensor of dtype.
func dense(dtype tensor.Dtype, values []float64, shape []int) *tensor.Dense {
	if dtype == tensor.Float64 {
		return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(append([]float64(nil), values...)))
	}
	backing := make([]float32, len(values))
	for i, v := range values {
		backing[i] = float32(v)
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(backing))
}
