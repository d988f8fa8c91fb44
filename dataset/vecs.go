package dataset

import (
	"encoding/binary"
	"fmt"
	"io"
	"path"
	"strings"
)

// The files of the data sets of Jégou, Tavenard, Douze and Amsaleg, which FAISS reads and writes too: http://corpus-texmex.irisa.fr/. A row is
// the number of its values, as an int32 with the low byte first, and the values: float32 in .fvecs, bytes in .bvecs, int32 in .ivecs.

// vecsKinds are the values' kinds by the end of a name: see [elementOf].
var vecsKinds = map[string]struct {
	kind  byte
	width int
}{".fvecs": {'f', 4}, ".bvecs": {'u', 1}, ".ivecs": {'i', 4}}

// vecsHead is the bytes of the number before each row.
const vecsHead = 4

// openVecs reads a file by the end of its name.
func openVecs(f *File, o Options) (Reader, error) {
	kind := vecsKinds[strings.ToLower(path.Ext(f.Name()))]
	element, _ := elementOf(kind.kind, kind.width, binary.LittleEndian)
	var head [vecsHead]byte
	if _, err := f.ReadAt(head[:], 0); err != nil {
		return nil, f.Broken("it ends in the number of its first row's values", err)
	}
	width := int64(int32(binary.LittleEndian.Uint32(head[:])))
	if width < 1 || width > maxRow {
		return nil, &FormatError{File: f.Name(), Reason: fmt.Sprintf("its first row has %d values: 1 to %d are read", width, maxRow)}
	}
	row := vecsHead + width*int64(element.width)
	if f.Size()%row != 0 {
		return nil, &FormatError{File: f.Name(), Reason: fmt.Sprintf("it has %d bytes, which are no whole number of rows of %d values, %d bytes each", f.Size(), width, row)}
	}
	from := &vecs{file: f, width: int(width)}
	return newArray(from, f.Name(), f.Bytes(), []int{int(f.Size() / row), int(width)}, element, o, "vecs", element.name, fmt.Sprint(width)), nil
}

// vecs gives rows without the numbers before them.
type vecs struct {
	file  *File
	width int // values of a row
	block []byte
}

// read fills buf with rows of size bytes, from row on.
func (v *vecs) read(buf []byte, row, size int) error {
	for len(buf) > 0 {
		n := min(max(scanBytes/(size+vecsHead), 1), len(buf)/size)
		if need := n * (size + vecsHead); cap(v.block) < need {
			v.block = make([]byte, need)
		}
		block := v.block[:n*(size+vecsHead)]
		if _, err := io.ReadFull(io.NewSectionReader(v.file, int64(row)*int64(size+vecsHead), int64(len(block))), block); err != nil {
			return v.file.Broken(fmt.Sprintf("it ends in the rows from %d on", row), err)
		}
		for i := range n {
			one := block[i*(size+vecsHead):][:size+vecsHead]
			if width := int32(binary.LittleEndian.Uint32(one)); int(width) != v.width {
				return &FormatError{File: v.file.Name(), Reason: fmt.Sprintf("row %d has %d values, the first row has %d", row+i, width, v.width)}
			}
			copy(buf[i*size:][:size], one[vecsHead:])
		}
		buf, row = buf[n*size:], row+n
	}
	return nil
}

// skipRows passes over rows: nothing is read before it is wanted.
func (v *vecs) skipRows(int, int, int) error { return nil }

// end reports a file that has changed.
func (v *vecs) end() error { return v.file.Changed() }

func (v *vecs) Close() error { return v.file.Close() }
