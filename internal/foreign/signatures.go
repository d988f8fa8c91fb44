package foreign

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
)

// begins tells content by its first bytes.
func begins(magics ...string) func(data []byte) bool { return at(0, magics...) }

// at tells content by bytes at a place.
func at(place int, magics ...string) func(data []byte) bool {
	return func(data []byte) bool {
		return len(data) > place && slices.ContainsFunc(magics, func(m string) bool { return bytes.HasPrefix(data[place:], []byte(m)) })
	}
}

// with tells content by its first bytes and by a word that it holds as well.
func with(magic, word string) func(data []byte) bool {
	return func(data []byte) bool {
		return bytes.HasPrefix(data, []byte(magic)) && bytes.Contains(data, []byte(word))
	}
}

// starts tells a text by its first word, in lower case, after blanks.
func starts(words ...string) func(data []byte) bool {
	return func(data []byte) bool {
		text := strings.ToLower(strings.TrimLeft(string(data[:min(len(data), 512)]), "\ufeff \t\r\n"))
		return slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(text, word) })
	}
}

// What is given in the place of models and of rows.
var (
	isPointer = begins("version https://git-lfs")
	isPickle  = begins("\x80\x02", "\x80\x03", "\x80\x04", "\x80\x05") // of the protocols 2 to 5
	isHDF5    = begins("\x89HDF\r\n\x1a\n")
	isGGUF    = begins("GGUF")
	isBzip2   = begins("BZh")
	isXZ      = begins("\xfd7zXZ\x00")
)

const zip = "PK\x03\x04"

// isSafetensors: the length of a JSON object, and the object.
func isSafetensors(data []byte) bool {
	return len(data) > 10 && binary.LittleEndian.Uint64(data) < 1<<27 && string(data[8:10]) == `{"`
}

// isONNX tells a model by its version, which comes first, and the field that follows.
func isONNX(head []byte) bool {
	return len(head) > 2 && head[0] == 8 && head[1] > 0 && head[1] < 0x20 && (head[2]&7 == 2 || head[2]&7 == 0) && head[2] > 8 && head[2] < 0x80
}

// Pointer reports a Git LFS pointer.
func Pointer(data []byte) bool { return isPointer(data) }
