package oip

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

func floats(list ...float32) (data []byte) {
	for _, x := range list {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
	}
	return data
}

func TestReadRequest(t *testing.T) {
	for name, c := range map[string]struct {
		json   string
		binary []byte
		want   Request
	}{
		"flat": {`{"id":"7","inputs":[{"name":"sample","shape":[2,2],"datatype":"FP32","data":[0.5,-1,1e-3,0]}]}`, nil,
			Request{ID: "7", Inputs: []Tensor{{"sample", FP32, []int64{2, 2}, floats(0.5, -1, 1e-3, 0)}}}},
		"nested, data first": {`{"inputs":[{"data":[[ 1, 2],[3 ,255]],"name":"sample","shape":[2,2],"datatype":"UINT8"}],"outputs":[{"name":"code"}]}`, nil,
			Request{Inputs: []Tensor{{"sample", UINT8, []int64{2, 2}, []byte{1, 2, 3, 255}}}, Outputs: []Output{{"code", false}}}},
		"binary": {`{"parameters":{"binary_data_output":true},"inputs":[{"name":"a","shape":[1,2],"datatype":"UINT8","parameters":{"binary_data_size":2}},{"name":"b","shape":[1],"datatype":"FP32","parameters":{"binary_data_size":4}}],"outputs":[{"name":"x"},{"name":"y","parameters":{"binary_data":false}}]}`,
			append([]byte{8, 9}, floats(3)...),
			Request{Binary: true, Inputs: []Tensor{{"a", UINT8, []int64{1, 2}, []byte{8, 9}}, {"b", FP32, []int64{1}, floats(3)}}, Outputs: []Output{{"x", true}, {"y", false}}}},
	} {
		got, err := ReadRequest([]byte(c.json), c.binary)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		same := func(a, b Tensor) bool {
			return a.Name == b.Name && a.Datatype == b.Datatype && slices.Equal(a.Shape, b.Shape) && bytes.Equal(a.Data, b.Data)
		}
		if got.ID != c.want.ID || got.Binary != c.want.Binary || !slices.Equal(got.Outputs, c.want.Outputs) || !slices.EqualFunc(got.Inputs, c.want.Inputs, same) {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func TestReadRequestRefuses(t *testing.T) {
	input := func(rest string) string {
		return `{"inputs":[{"name":"sample","shape":[1,2],"datatype":"UINT8"` + rest + `}]}`
	}
	for name, c := range map[string]struct{ json, binary, want string }{
		"no JSON":         {`sample`, "", "JSON"},
		"two":             {input(`,"data":[1,2]`) + `{}`, "", "Inference-Header-Content-Length"},
		"no input":        {`{"inputs":[]}`, "", "at least one input"},
		"no data":         {input(``), "", "no data"},
		"few":             {input(`,"data":[1]`), "", "1 values, the shape has 2"},
		"many":            {input(`,"data":[1,2,3]`), "", "more than the 2 values"},
		"words":           {input(`,"data":["1","2"]`), "", "value 0 of data is no number"},
		"fraction":        {input(`,"data":[1,2.5]`), "", "value 1 of data: 2.5 is no whole number"},
		"large":           {input(`,"data":[1,256]`), "", "from 0 to 255"},
		"an object":       {input(`,"data":{"a":1}`), "", "array"},
		"both":            {input(`,"data":[1,2],"parameters":{"binary_data_size":2}`), "ab", "give one"},
		"short binary":    {input(`,"parameters":{"binary_data_size":2}`), "a", "1 bytes of binary data are left"},
		"long binary":     {input(`,"parameters":{"binary_data_size":2}`), "abc", "1 bytes more"},
		"other size":      {input(`,"parameters":{"binary_data_size":3}`), "abc", "3 bytes of data"},
		"negative size":   {input(`,"parameters":{"binary_data_size":-1}`), "abc", "-1"},
		"shared memory":   {input(`,"parameters":{"shared_memory_region":"x"}`), "", "shared memory"},
		"datatype":        {`{"inputs":[{"name":"s","shape":[1],"datatype":"FP16","data":[1]}]}`, "", "use UINT8 or FP32"},
		"negative shape":  {`{"inputs":[{"name":"s","shape":[-1],"datatype":"FP32","data":[1]}]}`, "", "dimension -1"},
		"huge shape":      {`{"inputs":[{"name":"s","shape":[65536,65536,65536,65536],"datatype":"FP32","data":[1]}]}`, "", "more than"},
		"too many digits": {`{"inputs":[{"name":"s","shape":[1],"datatype":"FP32","data":[1e99]}]}`, "", "fits into FP32"},
		"classes":         {`{"inputs":[{"name":"s","shape":[1],"datatype":"FP32","data":[1]}],"outputs":[{"name":"x","parameters":{"classification":3}}]}`, "", "classification"},
	} {
		_, err := ReadRequest([]byte(c.json), []byte(c.binary))
		if !errors.Is(err, ErrRequest) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// What is written is the JSON that others read, and numbers are the same after it.
func TestAppend(t *testing.T) {
	r := &Response{Model: `a "b"`, Version: "3", ID: "x", Binary: []bool{false, true, false}, Outputs: []Tensor{
		{"code", FP32, []int64{1, 3}, floats(0.1, -2.5e-30, 16777216)}, {"packed_code", UINT8, []int64{1, 2}, []byte{7, 8}}, {"b", UINT8, []int64{1, 2}, []byte{0, 255}},
	}}
	header, data, err := r.Append(nil)
	if err != nil || len(data) != 1 || !bytes.Equal(data[0], []byte{7, 8}) {
		t.Fatal(err, data)
	}
	var got struct {
		Model   string `json:"model_name"`
		Version string `json:"model_version"`
		ID      string
		Outputs []struct {
			Name, Datatype string
			Shape          []int64
			Data           []float32
			Parameters     map[string]int
		}
	}
	if err := json.Unmarshal(header, &got); err != nil {
		t.Fatalf("%v: %s", err, header)
	}
	if got.Model != r.Model || got.Version != "3" || got.ID != "x" || !slices.Equal(got.Outputs[0].Data, []float32{0.1, -2.5e-30, 16777216}) ||
		got.Outputs[1].Parameters["binary_data_size"] != 2 || got.Outputs[1].Data != nil || !slices.Equal(got.Outputs[2].Data, []float32{0, 255}) {
		t.Errorf("%s", header)
	}
	r.Outputs[0].Data = floats(1, float32(math.NaN()), 1)
	if _, _, err := r.Append(nil); err == nil {
		t.Error("NaN was written as JSON")
	}
}

// No body makes the decoder panic or take memory that it does not have, and what it takes is whole.
func FuzzReadRequest(f *testing.F) {
	f.Add([]byte(`{"inputs":[{"name":"sample","shape":[2,2],"datatype":"FP32","data":[0.5,-1,1e-3,0]}]}`), []byte{})
	f.Add([]byte(`{"inputs":[{"name":"s","shape":[1,2],"datatype":"UINT8","parameters":{"binary_data_size":2}}],"outputs":[{"name":"code","parameters":{"binary_data":true}}]}`), []byte{1, 2})
	f.Add([]byte(`{"inputs":[{"shape":[9223372036854775807,2],"datatype":"UINT8","data":[[[[1]]]]}]}`), []byte{1})
	f.Fuzz(func(t *testing.T, header, data []byte) {
		var reader Reader
		_, _ = reader.Read(header, data)
		r, err := reader.Read(header, data)
		if err != nil {
			if !errors.Is(err, ErrRequest) {
				t.Fatalf("no ErrRequest: %v", err)
			}
			return
		}
		response := &Response{Model: "m", Version: "1", ID: r.ID}
		for _, in := range r.Inputs {
			if err := in.Check(); err != nil {
				t.Fatalf("taken, and not whole: %v", err)
			}
			response.Outputs, response.Binary = append(response.Outputs, in), append(response.Binary, false)
		}
		if text, _, err := response.Append(nil); err == nil && !json.Valid(text) {
			t.Fatalf("no JSON: %s", text)
		}
	})
}

// What is remembered is what would be read: with other data, with other lengths, and values in JSON are never remembered.
func TestReader(t *testing.T) {
	var r Reader
	header := []byte(`{"inputs":[{"name":"a","shape":[1,2],"datatype":"UINT8","parameters":{"binary_data_size":2}},{"name":"b","shape":[1],"datatype":"FP32","parameters":{"binary_data_size":4}}]}`)
	for i := range 5 {
		data := append([]byte{byte(i), 9}, floats(float32(i))...)
		q, err := r.Read(header, data)
		if err != nil || !bytes.Equal(q.Inputs[0].Data, data[:2]) || !bytes.Equal(q.Inputs[1].Data, data[2:]) || q.Inputs[1].Name != "b" {
			t.Errorf("%d: %+v, %v", i, q, err)
		}
		if _, err := r.Read(header, data[1:]); !errors.Is(err, ErrRequest) {
			t.Errorf("%d: data that are too short: %v", i, err)
		}
	}
	if len(r.known) != 1 {
		t.Errorf("%d requests are known", len(r.known))
	}
	for _, text := range []string{
		`{"inputs":[{"name":"a","shape":[1,2],"datatype":"UINT8","data":[1,2]}]}`,
		`{"inputs":[{"name":"a","shape":[1,2],"datatype":"UINT8","data":[1,2]},{"name":"b","shape":[2],"datatype":"UINT8","parameters":{"binary_data_size":2}}]}`,
		`{"id":"1","inputs":[{"name":"b","shape":[2],"datatype":"UINT8","parameters":{"binary_data_size":2}}]}`,
	} {
		for range 2 {
			var data []byte
			if strings.Contains(text, "binary") {
				data = []byte{1, 2}
			}
			if _, err := r.Read([]byte(text), data); err != nil {
				t.Error(err)
			}
		}
	}
	if len(r.known) != 1 {
		t.Errorf("%d requests are known: values in JSON were remembered", len(r.known))
	}
	for i := range 3 * mostKnown {
		text := strings.Replace(string(header), `"a"`, `"x`+strings.Repeat("y", i%900)+`"`, 1)
		if _, err := r.Read([]byte(text), make([]byte, 6)); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.known) > mostKnown {
		t.Errorf("%d requests are known", len(r.known))
	}
}
