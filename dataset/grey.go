package dataset

import "bytes"

// Grey returns a set of pictures in colours as one of grey pictures, and true, where no pixel has a colour: red, green and blue are
// equal in all of them. The rows are then those that the pictures would have become in grey, byte for byte, on a background of grey.
func (s *Set) Grey() (*Set, bool) {
	if !s.Pictures || s.bytes == nil || len(s.Shape) != 3 || s.Shape[0] != 3 {
		return s, false
	}
	size := s.Shape[1] * s.Shape[2]
	for i := range s.Len() {
		row := s.Bytes(i)
		if !bytes.Equal(row[:size], row[size:2*size]) || !bytes.Equal(row[:size], row[2*size:]) {
			return s, false
		}
	}
	to := *s
	to.Shape, to.bytes = s.Shape[1:], nil
	for at := 0; at < len(s.bytes); at += 3 * size {
		to.bytes = append(to.bytes, s.bytes[at:at+size]...)
	}
	return &to, true
}
