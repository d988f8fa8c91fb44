package reading

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/catvae/catvae/internal/visible"
)

// IDs are the names of a table's rows, in their order. They take the memory of their bytes, and one or two more for each. Once all
// are added, they are safe for concurrent use.
type IDs struct {
	blocks []string // of some rows, each name after its length
	last   []byte   // block
	rows   int
	given  bool // one is not empty
}

// blockRows is how many names a block has.
const blockRows = 64

// Add adds the next row's name, "" where it has none. Names that are not UTF-8 are escaped.
func (s *IDs) Add(id []byte) {
	text := string(id)
	if !utf8.ValidString(text) {
		text = visible.EscapeID(text)
	}
	s.last = binary.AppendUvarint(s.last, uint64(len(text)))
	s.last = append(s.last, text...)
	s.given = s.given || text != ""
	if s.rows++; s.rows%blockRows == 0 {
		s.blocks, s.last = append(s.blocks, string(s.last)), s.last[:0]
	}
}

// Given reports whether any row has a name.
func (s *IDs) Given() bool { return s.given }

// ID returns a row's name.
func (s *IDs) ID(row int) string {
	if row < 0 || row >= s.rows {
		return ""
	}
	block := ""
	if i := row / blockRows; i < len(s.blocks) {
		block = s.blocks[i]
	} else {
		block = string(s.last)
	}
	for i := 0; ; i++ {
		n, head := uvarint(block)
		if block = block[head:]; i == row%blockRows {
			return block[:n]
		}
		block = block[n:]
	}
}

// uvarint is [binary.Uvarint] of a text.
func uvarint(s string) (n, bytes int) {
	for shift := 0; ; shift += 7 {
		b := s[bytes]
		bytes++
		n |= int(b&0x7f) << shift
		if b < 0x80 {
			return n, bytes
		}
	}
}
