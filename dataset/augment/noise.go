package augment

// Noise adds independent Gaussian noise to every value. A deviation of 1 is the distance from black to white in pictures, the column's deviation
// in rows that are standardised, else the range of the values, or 1 where they have none.
type Noise struct {
	Deviation float64 `json:"deviation,omitempty" doc:"of the noise, in units of the rows: from black to white, or of a column's deviation" range:"[0,1000]"`
}

func (n Noise) does() bool { return n.Deviation > 0 }

func (n Noise) change(d draw, f *form, row []float32, m *memory) error {
	z := floats(&m.values, len(row)+len(row)%2)
	d.normal(z)
	deviation := float32(n.Deviation)
	for i := range row {
		row[i] += deviation * f.unit[i] * z[i]
	}
	return nil
}
