package dataset

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/catvae/catvae/internal/visible"
)

// safetensors is Hugging Face's format for tensors: https://huggingface.co/docs/safetensors/index#format. A file is the length of the header, 8
// bytes with the low one first, the header, which is JSON, and the values of all tensors. The header has an entry for each tensor:
//
//	{"embeddings": {"dtype": "F16", "shape": [1000, 384], "data_offsets": [0, 768000]}, "__metadata__": {…}}

// mostSafeHeader is what the format allows a header to have.
const mostSafeHeader = 100 << 20

// isSafetensors reports a header's length, and the brace that the header begins with.
func isSafetensors(head []byte) bool {
	return len(head) > 8 && head[8] == '{' && binary.LittleEndian.Uint64(head) <= mostSafeHeader
}

// safeTensor is the entry of a tensor.
type safeTensor struct {
	DType   string  `json:"dtype"`
	Shape   []int   `json:"shape"`
	Offsets []int64 `json:"data_offsets"`
}

// safeKinds are the types of values: see [elementOf].
var safeKinds = map[string]struct {
	kind  byte
	width int
}{
	"BOOL": {'b', 1}, "U8": {'u', 1}, "U16": {'u', 2}, "U32": {'u', 4}, "U64": {'u', 8}, "I8": {'i', 1}, "I16": {'i', 2}, "I32": {'i', 4}, "I64": {'i', 8},
	"F16": {'f', 2}, "F32": {'f', 4}, "F64": {'f', 8}, "BF16": {'g', 2},
}

// openSafetensors reads the tensor that is asked for, or the only one of two axes.
func openSafetensors(f *File, o Options) (Reader, error) {
	tensors, values, err := safeHeader(f)
	if err != nil {
		return nil, err
	}
	name, t, err := chosenTensor(f.Name(), o.Member, tensors)
	if err != nil {
		return nil, err
	}
	what := fmt.Sprintf("%s:%s", f.Name(), name)
	kind, ok := safeKinds[t.DType]
	if !ok {
		return nil, &UnsupportedError{File: what, Reason: fmt.Sprintf("its values are of type %q: %s and bfloat16 are read: save tensor.float()", visible.Name(t.DType), elements)}
	}
	element, _ := elementOf(kind.kind, kind.width, binary.LittleEndian)
	if len(t.Shape) == 0 {
		return nil, &FormatError{File: what, Reason: "it is a single number: a tensor whose first axis counts the rows is needed"}
	}
	total, ok := product(element.width, t.Shape)
	if !ok || len(t.Offsets) != 2 || t.Offsets[0] < 0 || t.Offsets[1]-t.Offsets[0] != total || t.Offsets[1] > f.Size()-values {
		return nil, &FormatError{File: what, Reason: fmt.Sprintf("its header says %s of the shape %v at %v, and %d bytes of values follow", t.DType, t.Shape, t.Offsets, f.Size()-values)}
	}
	if _, err := f.Seek(values+t.Offsets[0], io.SeekStart); err != nil {
		return nil, f.Broken("it cannot be read", err)
	}
	s := newPlain(f)
	s.name = what
	return newArray(s, what, f.Bytes(), t.Shape, element, o, "safetensors", t.DType, fmt.Sprint(t.Shape)), nil
}

// safeHeader reads the entries of all tensors, and where their values begin.
func safeHeader(f *File) (tensors map[string]safeTensor, values int64, err error) {
	var size [8]byte
	if _, err := f.ReadAt(size[:], 0); err != nil {
		return nil, 0, f.Broken("it ends in its header", err)
	}
	n := binary.LittleEndian.Uint64(size[:])
	if n > mostSafeHeader || int64(n) > f.Size()-8 {
		return nil, 0, &FormatError{File: f.Name(), Reason: fmt.Sprintf("its header claims %d bytes of %d", n, f.Size())}
	}
	text := make([]byte, n)
	if _, err := f.ReadAt(text, 8); err != nil {
		return nil, 0, f.Broken("it ends in its header", err)
	}
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(text, &entries); err != nil {
		return nil, 0, &FormatError{File: f.Name(), Reason: "its header is no JSON", Cause: err}
	}
	tensors = map[string]safeTensor{}
	for name, entry := range entries {
		if name == "__metadata__" {
			continue
		}
		var t safeTensor
		if err := json.Unmarshal(entry, &t); err != nil {
			return nil, 0, &FormatError{File: f.Name(), Reason: fmt.Sprintf("the header's entry %q cannot be read", visible.Name(name)), Cause: err}
		}
		tensors[name] = t
	}
	return tensors, 8 + int64(n), nil
}

// chosenTensor returns the tensor of a name, or the only one of two axes.
func chosenTensor(file, name string, tensors map[string]safeTensor) (string, safeTensor, error) {
	names := slices.Sorted(maps.Keys(tensors))
	if name == "" {
		var matrices []string
		for _, n := range names {
			if len(tensors[n].Shape) == 2 {
				matrices = append(matrices, n)
			}
		}
		if len(names) == 1 {
			matrices = names
		}
		if len(matrices) == 1 {
			name = matrices[0]
		}
	}
	t, ok := tensors[name]
	if !ok {
		return "", t, &UnsupportedError{File: file, Reason: fmt.Sprintf("which of its tensors is meant? It holds %s: name one as %s:NAME", arraysOf(names), file)}
	}
	return name, t, nil
}
