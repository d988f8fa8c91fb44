package imgrid

import (
	"bytes"
	"image/png"
	"math"
	"testing"
)

func TestImage(t *testing.T) {
	nan := float32(math.NaN())
	sheet, err := Grid{Columns: 2, Gap: 1, Scale: 2}.Image([][]float32{{0, 1}, {0.5, nan}, {-3, 7}}, 1, 2)
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
		if got := sheet.GrayAt(c.x, c.y).Y; got != c.want {
			t.Errorf("pixel %d,%d is %d, want %d", c.x, c.y, got, c.want)
		}
	}
	if _, err := (Grid{}).Image([][]float32{{1}}, 2, 2); err == nil {
		t.Error("an image of another size is taken")
	}
	var buf bytes.Buffer
	if err := (Grid{}).WritePNG(&buf, nil, 3, 3); err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(&buf); err != nil {
		t.Error(err)
	}
}

func TestDims(t *testing.T) {
	for _, c := range []struct {
		shape         []int
		height, width int
	}{{[]int{28, 28}, 28, 28}, {[]int{1, 3, 4}, 3, 4}, {[]int{784}, 1, 784}, {[]int{3, 4, 2}, 1, 24}, {nil, 1, 1}} {
		if h, w := Dims(c.shape); h != c.height || w != c.width {
			t.Errorf("%v: %dx%d, want %dx%d", c.shape, h, w, c.height, c.width)
		}
	}
}
