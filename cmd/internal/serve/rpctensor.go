package serve

import (
	"encoding/binary"
	"fmt"
	"math"

	pb "github.com/catvae/catvae/cmd/internal/serve/inferencepb"
	"github.com/catvae/catvae/cmd/internal/serve/oip"
)

// requestOf takes a request out of its message: values as they are, or as raw contents, one for each input. Raw contents are used where they
// lie.
func requestOf(r *pb.ModelInferRequest) (*oip.Request, error) {
	raw := r.GetRawInputContents()
	if len(raw) > 0 && len(raw) != len(r.GetInputs()) {
		return nil, fmt.Errorf("%w: %d raw_input_contents for %d inputs: give one for each", oip.ErrRequest, len(raw), len(r.GetInputs()))
	}
	q := &oip.Request{ID: r.GetId(), Binary: true}
	for i, in := range r.GetInputs() {
		t := oip.Tensor{Name: in.GetName(), Datatype: oip.Datatype(in.GetDatatype()), Shape: in.GetShape()}
		if in.GetParameters()["shared_memory_region"] != nil {
			return nil, fmt.Errorf("%w: input %.100q: shared memory is not there: send the values", oip.ErrRequest, t.Name)
		}
		switch {
		case len(raw) == 0:
			var err error
			if t.Data, err = contents(t, in.GetContents()); err != nil {
				return nil, err
			}
		case in.GetContents() != nil:
			return nil, fmt.Errorf("%w: input %.100q has contents beside raw_input_contents: give one", oip.ErrRequest, t.Name)
		default:
			t.Data = raw[i]
		}
		q.Inputs = append(q.Inputs, t)
	}
	for _, out := range r.GetOutputs() {
		for _, p := range []string{"classification", "shared_memory_region"} {
			if out.GetParameters()[p] != nil {
				return nil, fmt.Errorf("%w: output %.100q: %s is not there", oip.ErrRequest, out.GetName(), p)
			}
		}
		q.Outputs = append(q.Outputs, oip.Output{Name: out.GetName(), Binary: true})
	}
	return q, nil
}

// contents returns the values of a message as bytes. Those of UINT8 are in uint_contents.
func contents(t oip.Tensor, c *pb.InferTensorContents) (data []byte, err error) {
	switch t.Datatype {
	case oip.FP32:
		for _, x := range c.GetFp32Contents() {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
		}
	case oip.UINT8:
		for i, x := range c.GetUintContents() {
			if x > math.MaxUint8 {
				return nil, fmt.Errorf("%w: input %.100q: value %d is %d, UINT8 ends at 255", oip.ErrRequest, t.Name, i, x)
			}
			data = append(data, byte(x))
		}
	}
	return data, nil // a datatype that is not there is named later
}

// responseOf puts a response into its message, as raw contents.
func responseOf(r *oip.Response) *pb.ModelInferResponse {
	m := &pb.ModelInferResponse{ModelName: r.Model, ModelVersion: r.Version, Id: r.ID}
	for _, t := range r.Outputs {
		m.Outputs = append(m.Outputs, &pb.ModelInferResponse_InferOutputTensor{Name: t.Name, Datatype: string(t.Datatype), Shape: t.Shape})
		m.RawOutputContents = append(m.RawOutputContents, t.Data)
	}
	return m
}
