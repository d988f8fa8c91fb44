package dataset

import (
	"fmt"
	"slices"
)

// The layouts of arrays whose rows are pictures in colours. Rows of models are planes: [3, height, width].
const (
	LayoutAuto  = "auto"           // [height, width, 3] of uint8 are pictures; [3, height, 3] may be either, and are an error
	LayoutFirst = "channels_first" // rows are as the array has them
	LayoutLast  = "channels_last"  // rows of [height, width, channels] become planes
)

// Layouts returns the names of all layouts.
func Layouts() []string { return []string{LayoutAuto, LayoutFirst, LayoutLast} }

// arranged returns a reader whose rows are planes, where the options ask for that and the source has the colours of a pixel next
// to each other.
func arranged(r Reader, o Options) (Reader, error) {
	info := r.Info()
	shape := info.Shape
	if info.Pictures || len(shape) != 3 {
		return r, nil
	}
	last := []int{shape[2], shape[0], shape[1]}
	switch {
	case len(o.Shape) > 0:
		if slices.Equal(o.Shape, shape) || !slices.Equal(o.Shape, last) {
			return r, nil
		}
	case o.Layout == LayoutLast:
	case o.Layout == LayoutAuto && info.DType == "uint8" && shape[2] == 1 && shape[0] > 1:
		return planesOf(r, shape[:2]), nil
	case o.Layout == LayoutAuto && info.DType == "uint8" && shape[2] == 3 && shape[0] == 3:
		return nil, &UnsupportedError{File: info.Source, Reason: fmt.Sprintf("its rows have the shape %v, and the first 3 or the last may be the colours: set data.layout to %s or %s", shape, LayoutFirst, LayoutLast)}
	case o.Layout == LayoutAuto && info.DType == "uint8" && shape[2] == 3:
	default:
		return r, nil
	}
	return planesOf(r, last), nil
}

// planes turns rows of [height, width, channels] into rows of [channels, height, width].
type planes struct {
	Reader
	shape    []int
	channels int
	floats   []float32 // a row as it was
}

// planesBytes is planes for a reader of bytes.
type planesBytes struct {
	*planes
	from  ByteReader
	bytes []byte
}

// planesNamed and planesNamedBytes are the same for readers whose rows have names.
type planesNamed struct {
	*planes
	Identified
}
type planesNamedBytes struct {
	*planesBytes
	Identified
}

func planesOf(r Reader, shape []int) Reader {
	from := r.Info()
	p := &planes{Reader: r, shape: shape, channels: from.Shape[2], floats: make([]float32, from.RowSize())}
	b, bytes := r.(ByteReader)
	names, named := r.(Identified)
	switch in := (&planesBytes{planes: p, from: b, bytes: make([]byte, from.RowSize())}); {
	case bytes && named:
		return planesNamedBytes{in, names}
	case bytes:
		return in
	case named:
		return planesNamed{p, names}
	}
	return p
}

// Info is that of the turned rows.
func (p *planes) Info() Info {
	info := p.Reader.Info()
	info.Shape = p.shape
	return info
}

// apartInto writes a row's channels one after the other.
func apartInto[T float32 | byte](dst, row []T, channels int) {
	size := len(row) / channels
	for i, x := range row {
		dst[i%channels*size+i/channels] = x
	}
}

// turn turns rows in place, once decode has put them there.
func turn[T float32 | byte](p *planes, rows []T, decode Decode) Decode {
	return func() (bad []error, err error) {
		if decode != nil {
			if bad, err = decode(); err != nil {
				return nil, err
			}
		}
		size := p.Reader.Info().RowSize()
		was := make([]T, size)
		for ; len(rows) > 0; rows = rows[size:] {
			copy(was, rows)
			apartInto(rows[:size], was, p.channels)
		}
		return bad, nil
	}
}

func (p *planes) Next(row []float32) (int, error) {
	label, err := p.Reader.Next(p.floats)
	if err == nil {
		apartInto(row, p.floats, p.channels)
	}
	return label, err
}

func (p *planes) Floats(dst []float32) (int, Decode, error) {
	n, decode, err := p.Reader.Floats(dst)
	if n == 0 || err != nil {
		return n, decode, err
	}
	return n, turn(p, dst[:n*len(p.floats)], decode), nil
}

// NextBytes is Next for the bytes themselves.
func (p *planesBytes) NextBytes(row []byte) (int, error) {
	label, err := p.from.NextBytes(p.bytes)
	if err == nil {
		apartInto(row, p.bytes, p.channels)
	}
	return label, err
}

// Bytes is Floats for the bytes themselves.
func (p *planesBytes) Bytes(dst []byte) (int, Decode, error) {
	n, decode, err := p.from.Bytes(dst)
	if n == 0 || err != nil {
		return n, decode, err
	}
	return n, turn(p.planes, dst[:n*len(p.bytes)], decode), nil
}
