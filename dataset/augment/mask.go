package augment

// Mask sets parts of a row to nothing, each with the same probability: a patch of patch x patch pixels of a picture, in all its channels, or
// patch columns next to each other of another row. Nothing is black, the mean of a column that is standardised, else the least value or 0. A model
// that is to explain the whole row must guess the rest from what it sees (Vincent et al. 2008, "masking noise").
type Mask struct {
	Part  float64 `json:"part,omitempty" doc:"share of the row that is set to nothing, on average" range:"[0,1]"`
	Patch int     `json:"patch,omitempty" doc:"pixels a side of the patches, or columns; left out: 1" range:"[0,100000]"`
}

func (k Mask) does() bool { return k.Part > 0 }

func (k Mask) change(d draw, f *form, row []float32, m *memory) error {
	patch, part := max(k.Patch, 1), float32(k.Part)
	if f.channels == 0 {
		u := floats(&m.values, (len(row)+patch-1)/patch)
		d.uniform(u)
		for i := range row {
			if u[i/patch] < part {
				row[i] = f.nothing[i]
			}
		}
		return nil
	}
	columns, lines := (f.width+patch-1)/patch, (f.height+patch-1)/patch
	u := floats(&m.values, columns*lines)
	d.uniform(u)
	for line := range f.height {
		of := u[line/patch*columns:][:columns]
		for left, u := range of {
			if u >= part {
				continue
			}
			for c := range f.channels {
				pixels := row[(c*f.height+line)*f.width:][left*patch : min((left+1)*patch, f.width)]
				for i := range pixels {
					pixels[i] = f.black
				}
			}
		}
	}
	return nil
}
