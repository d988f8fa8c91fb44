package dataset

import (
	"bytes"
	"image"
	"image/color"
	"runtime"

	"golang.org/x/sync/semaphore"
)

// pictureBudget bounds the bytes that decoding pictures takes at once, in the whole program, whoever decodes: a small file may
// claim to be a very large picture. A picture that needs more by itself is a bad row.
const pictureBudget = 128 << 20

// decoding is what is left of the budget.
var decoding = semaphore.NewWeighted(pictureBudget)

// largePicture is what leaves so much behind that it is collected before the next picture takes its place in the budget.
const largePicture = 8 << 20

// release gives bytes back to the budget once they are free.
func release(bytes int64) {
	if bytes >= largePicture {
		runtime.GC()
	}
	decoding.Release(bytes)
}

// decodingBytes estimates, from above, the memory that decoding a file takes, turning it grey and resizing it included.
func decodingBytes(raw []byte, c image.Config, kind string, fit Image) int64 {
	pixel := int64(1)
	switch c.ColorModel {
	case color.Gray16Model:
		pixel = 2
	case color.RGBAModel, color.NRGBAModel:
		pixel = 4
	case color.RGBA64Model, color.NRGBA64Model:
		pixel = 8
	}
	if kind == "jpeg" {
		return pictureBytes(c, fit, jpegBytes(raw, c))
	}
	if len(raw) > 28 {
		if bytes.Contains(raw, []byte("tRNS")) { // a grey picture with a colour that is transparent gets four channels
			pixel = max(pixel*4, 8)
		}
		if raw[28] != 0 { // interlaced: passes are pictures of their own
			pixel *= 2
		}
	}
	return pictureBytes(c, fit, int64(c.Width)*int64(c.Height)*pixel)
}

// pictureBytes adds what a picture takes to be turned grey and to be resized.
func pictureBytes(c image.Config, fit Image, size int64) int64 {
	size += int64(c.Width) * int64(c.Height)
	if scalers[fit.Resize] != nil {
		size += 32 * int64(fit.Width) * int64(c.Height) // rows that are resized in one direction, four numbers a pixel
	}
	return size
}

// jpegBytes estimates what a JPEG picture takes before it is grey: samples, of which some colours have fewer than pixels; their
// coefficients, which are kept where the file is progressive; and what samples are put together in.
func jpegBytes(raw []byte, c image.Config) int64 {
	area := int64(c.Width+64) * int64(c.Height+64) // blocks at the border are whole
	together := int64(0)
	if c.ColorModel == color.RGBAModel || c.ColorModel == color.CMYKModel {
		together = 5
	}
	for at := 2; at+10 <= len(raw) && raw[at] == 0xff; {
		marker := raw[at+1]
		if marker == 0xff { // padding
			at++
			continue
		}
		components := int(raw[at+9])
		if marker < 0xc0 || marker > 0xc2 || at+10+3*components > len(raw) {
			at += 2 + int(raw[at+2])<<8 + int(raw[at+3])
			continue
		}
		sum, h, v := int64(0), int64(1), int64(1)
		for i := range components {
			sampling := raw[at+11+3*i]
			sum += int64(sampling>>4) * int64(sampling&15)
			h, v = max(h, int64(sampling>>4)), max(v, int64(sampling&15))
		}
		if components == 1 {
			sum, h, v = 1, 1, 1
		}
		if marker == 0xc2 {
			sum *= 5
		}
		return area*sum/(h*v) + area*together
	}
	return area * 25 // whoever decodes it finds its frame elsewhere
}
