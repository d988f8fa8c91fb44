package oip

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
)

// ErrRequest is wrapped by the error of a request that is none, by the protocol or by what is taken of it.
var ErrRequest = errors.New("bad request")

// most of what a request may hold, which is far more than any of ours needs.
const (
	maxTensors    = 64
	maxDimensions = 16
	maxValues     = math.MaxInt32 // of a tensor
)

// A Tensor is an input or an output.
type Tensor struct {
	Name     string
	Datatype Datatype
	Shape    []int64
	Data     []byte // values as bytes, little-endian
}

// A Request asks a model for outputs.
type Request struct {
	ID      string
	Inputs  []Tensor
	Outputs []Output // none means all
	Binary  bool     // outputs that do not say otherwise come as binary data
}

// An Output is one that is asked for.
type Output struct {
	Name   string
	Binary bool
}

// Values returns how many values a shape has, or an [ErrRequest] where a dimension is negative or the number is beyond any request.
func Values(shape []int64) (int, error) {
	if len(shape) > maxDimensions {
		return 0, fmt.Errorf("%w: a shape of %d dimensions", ErrRequest, len(shape))
	}
	n := int64(1)
	for _, d := range shape {
		if d < 0 || d > maxValues {
			return 0, fmt.Errorf("%w: the shape %v has the dimension %d", ErrRequest, shape, d)
		}
		if n *= d; n > maxValues {
			return 0, fmt.Errorf("%w: the shape %v has more than %d values", ErrRequest, shape, int64(maxValues))
		}
	}
	return int(n), nil
}

// Check reports a tensor whose data do not have the bytes that its datatype and shape say.
func (t Tensor) Check() error {
	if err := t.Datatype.Check(); err != nil {
		return fmt.Errorf("input %.100q: %w", t.Name, err)
	}
	n, err := Values(t.Shape)
	if err != nil {
		return fmt.Errorf("input %.100q: %w", t.Name, err)
	}
	if want := n * t.Datatype.Size(); len(t.Data) != want {
		return fmt.Errorf("%w: input %.100q has %d bytes of data, the shape %v of %s has %d", ErrRequest, t.Name, len(t.Data), t.Shape, t.Datatype, want)
	}
	return nil
}

// The JSON of a request.
type (
	jsonRequest struct {
		ID         string           `json:"id"`
		Parameters map[string]any   `json:"parameters"`
		Inputs     []jsonInput      `json:"inputs"`
		Outputs    []jsonWantOutput `json:"outputs"`
	}
	jsonInput struct {
		Name       string          `json:"name"`
		Shape      []int64         `json:"shape"`
		Datatype   Datatype        `json:"datatype"`
		Parameters inputParameters `json:"parameters"`
		Data       json.RawMessage `json:"data"`
	}
	inputParameters struct {
		Size   *int64 `json:"binary_data_size"`
		Region string `json:"shared_memory_region"`
	}
	jsonWantOutput struct {
		Name       string `json:"name"`
		Parameters struct {
			Binary *bool  `json:"binary_data"`
			Count  int    `json:"classification"`
			Region string `json:"shared_memory_region"`
		} `json:"parameters"`
	}
)

// ReadRequest reads the body of an HTTP request: header, JSON, and the tensors' binary data behind each other, where there are any. Tensors
// of binary data lie in binary. Errors wrap [ErrRequest].
func ReadRequest(header, binary []byte) (*Request, error) {
	var j jsonRequest
	d := json.NewDecoder(bytes.NewReader(header))
	if err := d.Decode(&j); err != nil {
		return nil, fmt.Errorf("%w: the request is not the JSON that it should be: %w", ErrRequest, err)
	}
	if d.More() || len(bytes.TrimSpace(header[d.InputOffset():])) > 0 {
		return nil, fmt.Errorf("%w: behind the request's JSON lie %d bytes more: binary data want the header Inference-Header-Content-Length", ErrRequest, len(header)-int(d.InputOffset()))
	}
	if len(j.Inputs) == 0 || len(j.Inputs) > maxTensors || len(j.Outputs) > maxTensors {
		return nil, fmt.Errorf("%w: %d inputs, %d outputs: name at least one input, and at most %d of each", ErrRequest, len(j.Inputs), len(j.Outputs), maxTensors)
	}
	r := &Request{ID: j.ID}
	r.Binary, _ = j.Parameters["binary_data_output"].(bool)
	for _, in := range j.Inputs {
		t, rest, err := in.tensor(binary)
		if err != nil {
			return nil, fmt.Errorf("input %.100q: %w", in.Name, err)
		}
		binary = rest
		r.Inputs = append(r.Inputs, t)
	}
	if len(binary) > 0 {
		return nil, fmt.Errorf("%w: behind the inputs' binary data lie %d bytes more: binary_data_size says how many an input has", ErrRequest, len(binary))
	}
	for _, out := range j.Outputs {
		o, err := out.output(r.Binary)
		if err != nil {
			return nil, err
		}
		r.Outputs = append(r.Outputs, o)
	}
	return r, nil
}

// tensor takes an input's values out of its JSON, or out of the binary data, of which it returns the rest.
func (in jsonInput) tensor(binary []byte) (Tensor, []byte, error) {
	t := Tensor{Name: in.Name, Datatype: in.Datatype, Shape: in.Shape}
	if in.Parameters.Region != "" {
		return t, binary, fmt.Errorf("%w: shared memory is not there: send the values", ErrRequest)
	}
	size := in.Parameters.Size
	switch {
	case size == nil:
		if err := t.Datatype.Check(); err != nil {
			return t, binary, err
		}
		n, err := Values(t.Shape)
		if err != nil {
			return t, binary, err
		}
		t.Data, err = parseData(in.Data, t.Datatype, n)
		return t, binary, err
	case in.Data != nil:
		return t, binary, fmt.Errorf("%w: it has data and binary_data_size: give one", ErrRequest)
	case *size < 0 || *size > int64(len(binary)):
		return t, binary, fmt.Errorf("%w: binary_data_size is %d, %d bytes of binary data are left", ErrRequest, *size, len(binary))
	}
	t.Data = binary[:*size:*size]
	return t, binary[*size:], t.Check()
}

// output returns what is asked for.
func (out jsonWantOutput) output(binary bool) (Output, error) {
	o := Output{Name: out.Name, Binary: binary}
	if p := out.Parameters; p.Binary != nil {
		o.Binary = *p.Binary
	}
	if out.Parameters.Count != 0 {
		return o, fmt.Errorf("%w: output %.100q: classification is not there: codes have no classes", ErrRequest, out.Name)
	}
	if out.Parameters.Region != "" {
		return o, fmt.Errorf("%w: output %.100q: shared memory is not there", ErrRequest, out.Name)
	}
	return o, nil
}

// parseData reads n numbers out of JSON: an array, flat or of arrays. How it is nested is not looked at: the order of values is the same.
func parseData(data json.RawMessage, of Datatype, n int) ([]byte, error) {
	row := of.row()
	if len(data) == 0 {
		return nil, fmt.Errorf("%w: it has no data", ErrRequest)
	}
	if data[0] != '[' {
		return nil, fmt.Errorf("%w: data are an array of numbers", ErrRequest)
	}
	values := make([]byte, 0, min(n, len(data)/2+1)*row.size) // a value takes two bytes of JSON at least
	for at, count := 0, 0; at < len(data); {
		switch c := data[at]; {
		case c == '[' || c == ']' || c == ',' || c <= ' ':
			at++
			continue
		case c == '-' || c >= '0' && c <= '9':
		default:
			return nil, fmt.Errorf("%w: value %d of data is no number", ErrRequest, count)
		}
		end := at + 1
		for end < len(data) && strings.IndexByte("+-.0123456789eE", data[end]) >= 0 {
			end++
		}
		if count++; count > n {
			return nil, fmt.Errorf("%w: data hold more than the %d values of the shape", ErrRequest, n)
		}
		var err error
		if values, err = row.parse(values, string(data[at:end])); err != nil {
			return nil, fmt.Errorf("%w: value %d of data: %w", ErrRequest, count-1, err)
		}
		at = end
	}
	if len(values) != n*row.size {
		return nil, fmt.Errorf("%w: data hold %d values, the shape has %d", ErrRequest, len(values)/row.size, n)
	}
	return values, nil
}
