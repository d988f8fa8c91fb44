package dataset_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
	"github.com/x448/float16"
)

// npyFile is an NPY file of version 1 with a header as it is given.
func npyFile(version byte, header string, values []byte) []byte {
	file := []byte("\x93NUMPY")
	file = append(file, version, 0)
	if version == 1 {
		file = binary.LittleEndian.AppendUint16(file, uint16(len(header)))
	} else {
		file = binary.LittleEndian.AppendUint32(file, uint32(len(header)))
	}
	return append(append(file, header...), values...)
}

// encodings write a small whole number as each type of elements.
var encodings = map[string]func(order binary.AppendByteOrder, x int) []byte{
	"?":  func(_ binary.AppendByteOrder, x int) []byte { return []byte{byte(min(x, 1))} },
	"b1": func(_ binary.AppendByteOrder, x int) []byte { return []byte{byte(min(x, 1))} },
	"i1": func(_ binary.AppendByteOrder, x int) []byte { return []byte{byte(x)} },
	"u1": func(_ binary.AppendByteOrder, x int) []byte { return []byte{byte(x)} },
	"i2": func(o binary.AppendByteOrder, x int) []byte { return o.AppendUint16(nil, uint16(x)) },
	"u2": func(o binary.AppendByteOrder, x int) []byte { return o.AppendUint16(nil, uint16(x)) },
	"i4": func(o binary.AppendByteOrder, x int) []byte { return o.AppendUint32(nil, uint32(x)) },
	"u4": func(o binary.AppendByteOrder, x int) []byte { return o.AppendUint32(nil, uint32(x)) },
	"i8": func(o binary.AppendByteOrder, x int) []byte { return o.AppendUint64(nil, uint64(x)) },
	"u8": func(o binary.AppendByteOrder, x int) []byte { return o.AppendUint64(nil, uint64(x)) },
	"f2": func(o binary.AppendByteOrder, x int) []byte {
		return o.AppendUint16(nil, float16.Fromfloat32(float32(x)).Bits())
	},
	"f4": func(o binary.AppendByteOrder, x int) []byte { return o.AppendUint32(nil, math.Float32bits(float32(x))) },
	"f8": func(o binary.AppendByteOrder, x int) []byte { return o.AppendUint64(nil, math.Float64bits(float64(x))) },
}

// values encodes numbers.
func encode(kind string, order binary.AppendByteOrder, numbers ...int) (data []byte) {
	for _, x := range numbers {
		data = append(data, encodings[kind](order, x)...)
	}
	return data
}

// rowsOf reads a source whole, numbers as they are.
func rowsOf(t *testing.T, path string, o dataset.Options) (string, error) {
	t.Helper()
	o.Values = raw()
	set, err := dataset.Load(t.Context(), path, o)
	if err != nil {
		return "", err
	}
	row, all := make([]float32, set.RowSize()), fmt.Sprint(set.Shape)
	for i := range set.Len() {
		set.Row(i, row)
		all += fmt.Sprint(row)
	}
	return all, nil
}

// Every type of elements that numpy has for numbers is read, in either order of bytes and of values, from files, packed ones and pipes.
func TestElements(t *testing.T) {
	t.Parallel()
	// Rows of 2x3, by row: 0 … 5, 6 … 11, and by column: numpy.arange(12).reshape(2, 2, 3).ravel("F").
	byRow, byColumn := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, []int{0, 6, 3, 9, 1, 7, 4, 10, 2, 8, 5, 11}
	for kind := range encodings {
		want := "[2 3][0 1 2 3 4 5][6 7 8 9 10 11]"
		if kind == "b1" || kind == "?" {
			want = "[2 3][0 1 1 1 1 1][1 1 1 1 1 1]"
		}
		for mark, order := range map[string]binary.AppendByteOrder{"<": binary.LittleEndian, ">": binary.BigEndian, "|": binary.LittleEndian} {
			for fortran, numbers := range map[string][]int{"False": byRow, "True": byColumn} {
				data := npyFile(1, fmt.Sprintf("{'descr': '%s%s', 'fortran_order': %s, 'shape': (2, 2, 3), }\n", mark, kind, fortran), encode(kind, order, numbers...))
				for way, s := range map[string]source{
					"file":   {path: write(t, "x.npy", data)},
					"packed": {path: write(t, "x.npy.gz", packed(t, data))},
					"pipe":   {path: "-", stdin: data},
					"NPZ":    {path: write(t, "x.npz", archive(t, 8, []string{"x.npy"}, data))},
				} {
					if s.stdin != nil {
						s.o.Stdin = bytes.NewReader(s.stdin)
					}
					if got, err := rowsOf(t, s.path, s.o); err != nil || got != want {
						t.Errorf("%s%s, Fortran order %s, %s: %s, %v, want %s", mark, kind, fortran, way, got, err, want)
					}
				}
			}
		}
	}
	for kind, mark := range map[string]byte{"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14} {
		data := append([]byte{0, 0, mark, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3}, encode(kind, binary.BigEndian, byRow...)...)
		for _, data := range [][]byte{data, packed(t, data)} {
			if got, err := rowsOf(t, write(t, "x", data), dataset.Options{}); err != nil || got != "[2 3][0 1 2 3 4 5][6 7 8 9 10 11]" {
				t.Errorf("IDX of %s: %s, %v", kind, got, err)
			}
		}
	}
	if got, err := rowsOf(t, write(t, "x.npy", npyFile(1, "{'descr':'<i2','fortran_order':False,'shape':(2,)}", encode("i2", binary.LittleEndian, -3, 300))), dataset.Options{}); err != nil || got != "[1][-3][300]" {
		t.Error(got, err)
	}
}

// A header is read as numpy reads it, whoever wrote it.
func TestNPYHeaders(t *testing.T) {
	t.Parallel()
	for _, header := range []string{
		"{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }",
		"{'shape': (2, 3), 'fortran_order': False, 'descr': '|u1'}",
		"{'fortran_order':False,'shape':(2,3),'descr':'|u1'}",
		`{"descr": "|u1", "fortran_order": False, "shape": (2, 3)}`,
		`{'descr': "|u1", "fortran_order": False, 'shape': (2,3,),}`,
		"{'descr': '|u1', 'fortran_order': False, 'shape': (2L, 3L), }",
		"{u'descr': b'|u1', u'fortran_order': False, u'shape': (2L, 3)}",
		"  { 'descr' : '|u1' ,\n'fortran_order'\t: False, 'shape': ( 2 , 3 , ) , }   \n\n",
		"{'descr': 'u1', 'fortran_order': False, 'shape': (2, 3)}" + strings.Repeat(" ", 3000) + "\n",
	} {
		for _, version := range []byte{1, 2, 3} {
			if got, err := rowsOf(t, write(t, "x.npy", npyFile(version, header, []byte{0, 1, 2, 3, 4, 5})), dataset.Options{}); err != nil || got != "[3][0 1 2][3 4 5]" {
				t.Errorf("%q, version %d: %s, %v", header, version, got, err)
			}
		}
	}
}

// What is no header of numbers is refused, and named.
func TestBadNPYHeaders(t *testing.T) {
	t.Parallel()
	for header, says := range map[string]string{
		"":                 "cannot be read",
		"{}":               "needs descr",
		"{'descr': '|u1'}": "needs descr",
		"{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (1,)}":    "twice",
		"{'descr': '|u1', 'fortran_order': False, 'shape': (1,), 'x': 1}":            `"x"`,
		"{'descr': '|u1', 'fortran_order': false, 'shape': (1,)}":                    "neither True nor False",
		"{'descr': '|u1', 'fortran_order': False, 'shape': (6)}":                     "shape",
		"{'descr': '|u1', 'fortran_order': False, 'shape': [6]}":                     `"("`,
		"{'descr': '|u1', 'fortran_order': False, 'shape': (-6,)}":                   "shape",
		"{'descr': '|u1', 'fortran_order': False, 'shape': (6 6)}":                   "shape",
		"{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,)}": "shape",
		"{'descr': '|u1', 'fortran_order': False, 'shape': ()}":                      "single number",
		"{'descr': '|u1' 'fortran_order': False, 'shape': (6,)}":                     "comma",
		"{'descr': '|u1', 'fortran_order': False, 'shape': (6,)} x":                  "follows",
		"{'descr': '|u1": "does not end",
		"{'descr': '|O', 'fortran_order': False, 'shape': (6,)}":                               "Python objects",
		"{'descr': '<U3', 'fortran_order': False, 'shape': (6,)}":                              "texts",
		"{'descr': '<c8', 'fortran_order': False, 'shape': (6,)}":                              "complex",
		"{'descr': '<f16', 'fortran_order': False, 'shape': (6,)}":                             "astype",
		"{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (6,)}":                          "dates",
		"{'descr': '|V2', 'fortran_order': False, 'shape': (6,)}":                              "astype",
		"{'descr': [('a', '<f4'), ('b', '<i4', (2,))], 'fortran_order': False, 'shape': (6,)}": "structured_to_unstructured",
		"{'descr': [('a', '<f4', 'fortran_order': False, 'shape': (6,)}":                       "cannot be read",
	} {
		_, err := rowsOf(t, write(t, "x.npy", npyFile(1, header, make([]byte, 6))), dataset.Options{})
		if !errors.Is(err, dataset.ErrData) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", header, err, says)
		}
	}
	if _, err := rowsOf(t, write(t, "x.npy", npyFile(4, "{'descr': '|u1', 'fortran_order': False, 'shape': (6,)}", make([]byte, 6))), dataset.Options{}); !errors.Is(err, dataset.ErrData) || !strings.Contains(err.Error(), "version 4") {
		t.Error(err)
	}
}
