package imgrid

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"testing"
)

func TestImage(t *testing.T) {
	nan := float32(math.NaN())
	sheet, err := Grid{Columns: 2, Gap: 1, Scale: 2}.Image([][]float32{{0, 1}, {0.5, nan}, {-3, 7}}, Format{Height: 1, Width: 2, Planes: 1})
	if err != nil {
		t.Fatal(err)
	}
	if b := sheet.Bounds(); b.Dx() != 11 || b.Dy() != 7 {
		t.Errorf("the sheet is %v", b)
	}
	for _, c := range []struct {
		x, y int
		want uint8
	}{{0, 0, 96}, {1, 1, 0}, {3, 2, 255}, {6, 1, 128}, {8, 1, 128}, {1, 4, 0}, {3, 4, 255}} {
		if got := sheet.(*image.Gray).GrayAt(c.x, c.y).Y; got != c.want {
			t.Errorf("pixel %d,%d is %d, want %d", c.x, c.y, got, c.want)
		}
	}
	if _, err := (Grid{}).Image([][]float32{{1}}, Of([]int{2, 2})); err == nil {
		t.Error("an image of another size is taken")
	}
	var buf bytes.Buffer
	if err := (Grid{}).WritePNG(&buf, nil, Of([]int{3, 3})); err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(&buf); err != nil {
		t.Error(err)
	}
}

func TestOf(t *testing.T) {
	for _, c := range []struct {
		shape                 []int
		height, width, planes int
	}{
		{[]int{28, 28}, 28, 28, 1}, {[]int{1, 3, 4}, 3, 4, 1}, {[]int{784}, 1, 784, 1}, {[]int{3, 4, 2}, 4, 2, 3}, {[]int{4, 2, 3}, 1, 24, 1}, {nil, 1, 1, 1},
	} {
		if f := Of(c.shape); f.Height != c.height || f.Width != c.width || f.Planes != c.planes {
			t.Errorf("%v: %+v, want %dx%dx%d", c.shape, f, c.planes, c.height, c.width)
		}
	}
}

// Planes become colours, and values lie between black and white.
func TestColours(t *testing.T) {
	f := Of([]int{3, 1, 2})
	f.Black, f.White = -1, 3
	sheet, err := Grid{Gap: 1}.Image([][]float32{{-1, 3, 1, -9, 9, 0}}, f)
	if err != nil {
		t.Fatal(err)
	}
	for x, want := range map[int]color.NRGBA{0: {96, 96, 96, 255}, 1: {0, 128, 255, 255}, 2: {255, 0, 64, 255}} {
		if got := sheet.(*image.NRGBA).NRGBAAt(x, 1); got != want {
			t.Errorf("pixel %d is %v, want %v", x, got, want)
		}
	}
}
