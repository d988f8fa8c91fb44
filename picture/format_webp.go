package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"

	xwebp "golang.org/x/image/webp"
)

var webp = Format{
	Name: "WebP", Ends: []string{".webp"}, Spec: "https://developers.google.com/speed/webp/docs/riff_container",
	magic:  []string{"RIFF????WEBPVP8"},
	config: webpConfig, decode: xwebp.Decode, memory: webpMemory, exif: webpEXIF,
}

var (
	errAnimated = errors.New("animated WebP is not read: save its first frame as a picture")
	errCut      = errors.New("the file is shorter than its header says")
)

// webpConfig refuses what decoding would find out late: chunks are allocated on their header's word.
func webpConfig(file []byte) (image.Config, error) {
	if int64(binary.LittleEndian.Uint32(file[4:]))+8 > int64(len(file))+1 {
		return image.Config{}, errCut
	}
	if webpChunk(file, "ANIM") != nil {
		return image.Config{}, errAnimated
	}
	return xwebp.DecodeConfig(bytes.NewReader(file))
}

// maxTrees bounds what Huffman trees take: there are at most 2600 groups of them, of as many nodes as the file has bits for.
const maxTrees = 48 << 20

func webpMemory(file []byte, c image.Config) int64 {
	lossless := 6*area(c, 0) + min(256*int64(len(file)), maxTrees)
	switch {
	case webpChunk(file, "VP8L") != nil:
		return lossless
	case webpChunk(file, "ALPH") != nil: // opacity is packed as a lossless picture
		return 2*area(c, 16) + area(c, 0) + lossless
	}
	return 2 * area(c, 16)
}

func webpEXIF(file []byte) []byte {
	return bytes.TrimPrefix(webpChunk(file, "EXIF"), []byte("Exif\x00\x00")) // some writers keep JPEG's prefix
}

// webpChunk returns the first chunk of a name, nil where there is none.
func webpChunk(file []byte, name string) []byte {
	for rest := file[12:]; len(rest) >= 8; {
		size := int64(binary.LittleEndian.Uint32(rest[4:]))
		if size+8 > int64(len(rest)) {
			return nil
		}
		if string(rest[:4]) == name {
			return rest[8 : 8+size]
		}
		rest = rest[min(8+size+size%2, int64(len(rest))):]
	}
	return nil
}
