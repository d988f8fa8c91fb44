package augment

// What lies beyond a picture's border, by the names that configurations use.
const (
	Black = "black" // the least value; the default
	White = "white" // the greatest
	Edge  = "edge"  // the nearest pixel of the border
)

// places are where each pixel of a new picture is looked up in the old one: column and line, from 0 at the middle of the first pixel.
type places struct{ x, y []float32 }

// A move is a mover with its numbers.
type move struct {
	mover
	draw
}

// joins reports whether an augmentation can be made together with the moves that wait: what lies outside is the same for all of them.
func (m *memory) joins(next mover) bool {
	for _, waiting := range m.moves {
		if a, b := waiting.outside(), next.outside(); a != "" && b != "" && a != b {
			return false
		}
	}
	return true
}

// settle makes the moves that wait. A picture that was moved by m1 and then by m2 is old(m1(m2(place))): the last is the first to change
// places.
func (m *memory) settle(f *form, row []float32) {
	if len(m.moves) == 0 {
		return
	}
	size := f.height * f.width
	at := places{floats(&m.x, size), floats(&m.y, size)}
	for line := range f.height {
		for column := range f.width {
			at.x[line*f.width+column], at.y[line*f.width+column] = float32(column), float32(line)
		}
	}
	outside := ""
	for i := len(m.moves) - 1; i >= 0; i-- {
		m.moves[i].move(m.moves[i].draw, f, at, m)
		if o := m.moves[i].outside(); o != "" {
			outside = o
		}
	}
	m.moves = m.moves[:0]
	beyond := f.black
	if outside == White {
		beyond = f.white
	}
	if outside == Edge {
		at.clamp(f)
	}
	old := floats(&m.plane, size)
	for c := range f.channels {
		plane := row[c*size:][:size]
		copy(old, plane)
		f.lookUp(plane, old, at, beyond)
	}
}

// clamp moves places beyond the border to its nearest pixel.
func (at places) clamp(f *form) {
	right, bottom := float32(f.width-1), float32(f.height-1)
	for i, x := range at.x {
		at.x[i] = min(max(x, 0), right)
		at.y[i] = min(max(at.y[i], 0), bottom)
	}
}

// lookUp writes the values of old at places to plane, bilinear between the four pixels around a place.
func (f *form) lookUp(plane, old []float32, at places, beyond float32) {
	width, right, bottom := f.width, float32(f.width-1), float32(f.height-1)
	xs, ys := at.x[:len(plane)], at.y[:len(plane)]
	for i := range plane {
		x, y := xs[i], ys[i]
		if x >= 0 && y >= 0 && x < right && y < bottom {
			column, line := int(x), int(y)
			dx, dy := x-float32(column), y-float32(line)
			j := line*width + column
			above, below := old[j:j+2:j+2], old[j+width:j+width+2:j+width+2]
			top := above[0] + dx*(above[1]-above[0])
			plane[i] = top + dy*(below[0]+dx*(below[1]-below[0])-top)
			continue
		}
		plane[i] = f.atBorder(old, x, y, beyond)
	}
}

// atBorder is lookUp of one place where a pixel around it lies beyond the border.
func (f *form) atBorder(old []float32, x, y, beyond float32) float32 {
	if !(x > -1 && y > -1 && x < float32(f.width) && y < float32(f.height)) {
		return beyond
	}
	column, line := int(x+1)-1, int(y+1)-1
	dx, dy := x-float32(column), y-float32(line)
	pixel := func(line, column int) float32 {
		if line < 0 || column < 0 || line >= f.height || column >= f.width {
			return beyond
		}
		return old[line*f.width+column]
	}
	top, bottom := pixel(line, column), pixel(line+1, column)
	top += dx * (pixel(line, column+1) - top)
	bottom += dx * (pixel(line+1, column+1) - bottom)
	return top + dy*(bottom-top)
}
