package augment

// SaltPepper makes values black or white, half of them each: all channels of a pixel, or a column of another row.
type SaltPepper struct {
	Part float64 `json:"part,omitempty" doc:"share of the pixels or columns that become black or white, on average" range:"[0,1]"`
}

func (s SaltPepper) does() bool { return s.Part > 0 }

func (s SaltPepper) change(d draw, f *form, row []float32, m *memory) error {
	size := len(row) / max(f.channels, 1)
	u := floats(&m.values, size)
	d.uniform(u)
	pepper, salt := float32(s.Part/2), float32(s.Part)
	for i, u := range u {
		if u >= salt {
			continue
		}
		shade := f.white
		if u < pepper {
			shade = f.black
		}
		for j := i; j < len(row); j += size {
			row[j] = shade
		}
	}
	return nil
}
