package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"io"

	xwebp "golang.org/x/image/webp"
)

var webp = Format{
	Name: "WebP", Ends: []string{".webp"}, Spec: "https://developers.google.com/speed/webp/docs/riff_container",
	magic:  []string{"RIFF????WEBPVP8"},
	config: webpConfig, decode: webpDecode, memory: webpMemory, exif: webpEXIF,
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

// webpDecode gives lossy pictures the colours that they have: package webp takes their samples for those of JPEG, where black is 0
// and white 255; in WebP they are 16 and 235.
func webpDecode(r io.Reader) (image.Image, error) {
	img, err := xwebp.Decode(r)
	switch img := img.(type) {
	case *image.YCbCr:
		return narrow{img, nil}, err
	case *image.NYCbCrA:
		return narrow{&img.YCbCr, img}, err
	}
	return img, err
}

// narrow is a picture whose samples have the range of ITU-R BT.601. RFC 6386, section 9.2.
type narrow struct {
	*image.YCbCr
	opacity *image.NYCbCrA // nil where it is opaque
}

func (n narrow) ColorModel() color.Model { return color.RGBA64Model }
func (n narrow) At(x, y int) color.Color { return n.RGBA64At(x, y) }

// RGBA64At converts a pixel with the whole numbers of libwebp.
func (n narrow) RGBA64At(x, y int) color.RGBA64 {
	c := n.YCbCrAt(x, y)
	part := func(sample uint8, factor int) int { return int(sample) * factor >> 8 }
	level := func(v int) uint32 { return uint32(min(max(v>>6, 0), 255)) }
	luma := part(c.Y, 19077)
	r := level(luma + part(c.Cr, 26149) - 14234)
	g := level(luma - part(c.Cb, 6419) - part(c.Cr, 13320) + 8708)
	b := level(luma + part(c.Cb, 33050) - 17685)
	a := uint32(255)
	if n.opacity != nil {
		a = uint32(n.opacity.A[n.opacity.AOffset(x, y)])
	}
	return color.RGBA64{R: uint16(r * 257 * a / 255), G: uint16(g * 257 * a / 255), B: uint16(b * 257 * a / 255), A: uint16(a * 257)}
}
