package dataset

import "io"

// limited ends a reader after some rows.
type limited struct {
	Reader
	info Info
	left int
}

// limitedBytes is limited for a reader of bytes.
type limitedBytes struct {
	*limited
	bytes ByteReader
}

// limitedNamed is limited for a reader whose rows have names.
type limitedNamed struct {
	*limited
	Identified
}

// limitedNamedBytes is limitedBytes for a reader whose rows have names.
type limitedNamedBytes struct {
	limitedBytes
	Identified
}

func newLimited(r Reader, rows int) Reader {
	l := &limited{Reader: r, info: r.Info(), left: rows}
	l.info.Rows = rows
	b, bytes := r.(ByteReader)
	names, named := r.(Identified)
	switch {
	case bytes && named:
		return limitedNamedBytes{limitedBytes{l, b}, names}
	case bytes:
		return limitedBytes{l, b}
	case named:
		return limitedNamed{l, names}
	}
	return l
}

func (l *limited) Info() Info { return l.info }

func (l *limited) Next(row []float32) (int, error) {
	if l.left == 0 {
		return -1, io.EOF
	}
	l.left--
	return l.Reader.Next(row)
}

func (l *limited) Floats(dst []float32) (int, Decode, error) {
	if l.left == 0 {
		return 0, nil, io.EOF
	}
	n, decode, err := l.Reader.Floats(dst[:min(len(dst), l.left*l.info.RowSize())])
	l.left -= n
	return n, decode, err
}

func (l *limited) Skip(rows int) error {
	l.left -= min(rows, l.left)
	return l.Reader.Skip(rows)
}

func (l *limited) Scan(rows int) error {
	rows = min(rows, l.left)
	l.left -= rows
	return l.Reader.Scan(rows)
}

// NextBytes is Next for the bytes themselves.
func (l limitedBytes) NextBytes(row []byte) (int, error) {
	if l.left == 0 {
		return -1, io.EOF
	}
	l.left--
	return l.bytes.NextBytes(row)
}

// Bytes is Floats for the bytes themselves.
func (l limitedBytes) Bytes(dst []byte) (int, Decode, error) {
	if l.left == 0 {
		return 0, nil, io.EOF
	}
	n, decode, err := l.bytes.Bytes(dst[:min(len(dst), l.left*l.info.RowSize())])
	l.left -= n
	return n, decode, err
}
