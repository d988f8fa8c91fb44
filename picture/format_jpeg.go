package picture

import (
	"bytes"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
)

var jpeg = Format{
	Name: "JPEG", Ends: []string{".jpg", ".jpeg", ".jpe", ".jfif"}, Spec: "https://www.w3.org/Graphics/JPEG/",
	magic:  []string{"\xff\xd8"},
	config: header(stdjpeg.DecodeConfig), decode: stdjpeg.Decode, memory: jpegMemory, exif: jpegEXIF,
}

// jpegMemory counts samples, of which some colours have fewer than pixels; their coefficients, which are kept where the file is
// progressive; and what samples are put together in.
func jpegMemory(file []byte, c image.Config) int64 {
	pixels := area(c, 64) // blocks at the border are whole
	together := int64(0)
	if c.ColorModel == color.RGBAModel || c.ColorModel == color.CMYKModel {
		together = 5
	}
	for marker, segment := range jpegSegments(file) {
		if marker < 0xc0 || marker > 0xc2 || len(segment) < 6 {
			continue
		}
		components := int(segment[5])
		if len(segment) < 6+3*components {
			break
		}
		sum, h, v := int64(0), int64(1), int64(1)
		for i := range components {
			sampling := segment[7+3*i]
			sum += int64(sampling>>4) * int64(sampling&15)
			h, v = max(h, int64(sampling>>4)), max(v, int64(sampling&15))
		}
		if components == 1 {
			sum, h, v = 1, 1, 1
		}
		if marker == 0xc2 {
			sum *= 5
		}
		return pixels*sum/(h*v) + pixels*together
	}
	return pixels * 25 // whoever decodes it finds its frame elsewhere
}

// jpegSegments yields the segments before a file's pixels by their markers. ITU-T T.81, annex B.
func jpegSegments(file []byte) func(yield func(marker byte, segment []byte) bool) {
	return func(yield func(marker byte, segment []byte) bool) {
		for at := 2; at+4 <= len(file) && file[at] == 0xff; {
			marker := file[at+1]
			switch {
			case marker == 0xff: // padding
				at++
				continue
			case marker == 0x01 || marker >= 0xd0 && marker <= 0xd8: // without a length
				at += 2
				continue
			case marker == 0xd9 || marker == 0xda: // the end, or pixels
				return
			}
			end := at + 2 + int(file[at+2])<<8 + int(file[at+3])
			if end < at+4 || end > len(file) || !yield(marker, file[at+4:end]) {
				return
			}
			at = end
		}
	}
}

// jpegEXIF returns what the first segment APP1 of EXIF holds. CIPA DC-008, section 4.7.2.
func jpegEXIF(file []byte) []byte {
	for marker, segment := range jpegSegments(file) {
		if exif, ok := bytes.CutPrefix(segment, []byte("Exif\x00\x00")); ok && marker == 0xe1 {
			return exif
		}
	}
	return nil
}
