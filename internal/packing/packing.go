// Package packing packs and unpacks files: one table says by which first bytes and which end of a name each way is known.
package packing

import (
	"bytes"
	"compress/gzip"
	"io"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// A Packing is a way to pack a file: a row of the table that [All] returns. The zero value leaves content as it is.
type Packing struct {
	Name  string
	End   string // of files' names
	magic string // the first bytes

	pack   func(io.Writer) (io.WriteCloser, error)
	unpack func(io.Reader) (io.Reader, error)
}

// maxWindow bounds the memory that unpacking takes: zstd --long=27 packs for it, and no unpacker takes more unless it is told to.
const maxWindow = 128 << 20

// table: what is packed depends on its bytes only: gzip's header has no time and no name, and zstd packs by one goroutine. Content
// ends with a checksum, or may.
var table = []Packing{
	{
		Name: "gzip", End: ".gz", magic: "\x1f\x8b",
		pack:   func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
		unpack: func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	},
	{
		Name: "zstd", End: ".zst", magic: "\x28\xb5\x2f\xfd",
		pack: func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1)) },
		unpack: func(r io.Reader) (io.Reader, error) {
			return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow)) // with one goroutine there is nothing to close
		},
	},
}

// All returns the table.
func All() []Packing { return slices.Clone(table) }

// Head is how many first bytes [Of] looks at.
const Head = 4

// Of returns how content that begins with head is packed. It is not ok where it is not.
func Of(head []byte) (p Packing, ok bool) {
	return find(func(p Packing) bool { return bytes.HasPrefix(head, []byte(p.magic)) })
}

// Ended returns how a file is packed whose name ends so, in small letters. It is not ok where it is not.
func Ended(end string) (p Packing, ok bool) {
	return find(func(p Packing) bool { return p.End == end })
}

func find(fits func(Packing) bool) (Packing, bool) {
	if i := slices.IndexFunc(table, fits); i >= 0 {
		return table[i], true
	}
	return Packing{}, false
}

// Pack returns a writer that packs what is written to it, and whose Close ends the packing, not w.
func (p Packing) Pack(w io.Writer) (io.WriteCloser, error) {
	if p.pack == nil {
		return asItIs{w}, nil
	}
	return p.pack(w)
}

// Unpack returns what the packed content of r is. Content that is not packed so is an error, of this call or of a later read.
func (p Packing) Unpack(r io.Reader) (io.Reader, error) {
	if p.unpack == nil {
		return r, nil
	}
	return p.unpack(r)
}

type asItIs struct{ io.Writer }

func (asItIs) Close() error { return nil }
