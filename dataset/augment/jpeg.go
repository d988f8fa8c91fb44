package augment

import (
	"fmt"
	"image"
	"image/jpeg"
)

// JPEG packs a picture as JPEG, at a quality that is uniform among the whole numbers from the one given to 100, and unpacks it: by Go's own
// encoder, which halves the resolution of colours. Values are rounded to 256 shades.
type JPEG struct {
	Quality int `json:"quality,omitempty" doc:"least quality, 1 to 100; left out or 0: nothing is done" range:"[0,100]"`
}

func (j JPEG) does() bool { return j.Quality > 0 }

func (j JPEG) change(d draw, f *form, row []float32, m *memory) error {
	quality := j.Quality + int(d.one()*float32(101-j.Quality))
	size := f.height * f.width
	perShade := 255 / (f.white - f.black)
	shade := func(x float32) uint8 { return uint8(min(max((x-f.black)*perShade, 0), 255) + 0.5) }
	value := func(shade uint8) float32 { return f.black + float32(shade)/perShade }
	bounds := image.Rect(0, 0, f.width, f.height)
	var from image.Image
	if f.channels == 3 {
		colours := image.NewRGBA(bounds)
		for i := range size {
			pixel := colours.Pix[4*i:][:4]
			pixel[0], pixel[1], pixel[2], pixel[3] = shade(row[i]), shade(row[size+i]), shade(row[2*size+i]), 255
		}
		from = colours
	} else {
		grey := image.NewGray(bounds)
		for i, x := range row {
			grey.Pix[i] = shade(x)
		}
		from = grey
	}
	m.packed.Reset()
	if err := jpeg.Encode(&m.packed, from, &jpeg.Options{Quality: quality}); err != nil {
		return err
	}
	to, err := jpeg.Decode(&m.packed)
	if err != nil {
		return err
	}
	for i := range size {
		r, g, b, _ := to.At(i%f.width, i/f.width).RGBA()
		if row[i] = value(uint8(r >> 8)); f.channels == 3 {
			row[size+i], row[2*size+i] = value(uint8(g>>8)), value(uint8(b>>8))
		}
	}
	return nil
}

// packable reports rows that JPEG does not hold.
func packable(r Rows) error {
	if err := pictures(r); err != nil {
		return err
	}
	switch channels, height, width, _ := r.picture(); {
	case channels != 1 && channels != 3:
		return fmt.Errorf("it is for pictures in grey or in red, green and blue, and the rows have the shape %v, with %d channels: take it out of the list", r.Shape, channels)
	case max(height, width) >= 1<<16:
		return fmt.Errorf("it is for pictures of up to 65535 pixels a side, and the rows have the shape %v: take it out of the list", r.Shape)
	}
	return nil
}
