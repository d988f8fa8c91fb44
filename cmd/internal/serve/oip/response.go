package oip

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// A Response holds what a model made of a request.
type Response struct {
	Model, Version, ID string
	Outputs            []Tensor
	Binary             []bool // which outputs are binary data
}

// Append appends the response's JSON to dst, and returns the binary data that follow it, piece by piece; none where all is JSON.
func (r *Response) Append(dst []byte) (header []byte, binary [][]byte, err error) {
	dst = append(dst, `{"model_name":`...)
	dst = appendText(dst, r.Model)
	dst = append(dst, `,"model_version":`...)
	dst = appendText(dst, r.Version)
	if r.ID != "" {
		dst = append(dst, `,"id":`...)
		dst = appendText(dst, r.ID)
	}
	dst = append(dst, `,"outputs":[`...)
	for i, t := range r.Outputs {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = t.append(dst, r.Binary[i]); err != nil {
			return dst, nil, err
		}
		if r.Binary[i] {
			binary = append(binary, t.Data)
		}
	}
	return append(dst, `]}`...), binary, nil
}

func (t Tensor) append(dst []byte, binary bool) (_ []byte, err error) {
	dst = append(dst, `{"name":`...)
	dst = appendText(dst, t.Name)
	dst = append(dst, `,"datatype":`...)
	dst = appendText(dst, string(t.Datatype))
	dst = append(dst, `,"shape":[`...)
	for i, d := range t.Shape {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, d, 10)
	}
	if binary {
		dst = append(dst, `],"parameters":{"binary_data_size":`...)
		return append(strconv.AppendInt(dst, int64(len(t.Data)), 10), `}}`...), nil
	}
	dst = append(dst, `],"data":[`...)
	row := t.Datatype.row()
	for at := 0; at < len(t.Data); at += row.size {
		if at > 0 {
			dst = append(dst, ',')
		}
		if dst, err = row.write(dst, t.Data[at:at+row.size]); err != nil {
			return dst, fmt.Errorf("output %q, value %d: %w", t.Name, at/row.size, err)
		}
	}
	return append(dst, `]}`...), nil
}

// appendText appends a JSON string.
func appendText(dst []byte, s string) []byte {
	text, _ := json.Marshal(s) // a string has one
	return append(dst, text...)
}
