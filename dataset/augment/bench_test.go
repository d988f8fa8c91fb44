package augment_test

import (
	"encoding/json"
	"testing"

	"github.com/catvae/catvae/dataset/augment"
)

// BenchmarkApply makes batches of 256 grey pictures of 28x28 on one core, by each augmentation alone and by what docs/augmentation.md measures.
func BenchmarkApply(b *testing.B) {
	const batch = 256
	for _, c := range []struct{ name, list string }{
		{"affine", `[{"affine": {"rotate": 20, "scale": 0.2, "shear": 0.3, "shift": 2}}]`},
		{"elastic", `[{"elastic": 0.5}]`},
		{"affine+elastic", `[{"affine": {"rotate": 20, "scale": 0.2, "shear": 0.3, "shift": 2}}, {"elastic": 0.5}]`},
		{"crop", `[{"crop": 0.3}]`},
		{"flip", `[{"flip": 0.5}]`},
		{"color", `[{"color": {"brightness": 0.3, "contrast": 0.3}}]`},
		{"blur", `[{"blur": 1}]`},
		{"mask", `[{"mask": 0.3}]`},
		{"erase", `[{"erase": 0.5}]`},
		{"salt_pepper", `[{"salt_pepper": 0.1}]`},
		{"noise", `[{"noise": 0.1}]`},
		{"jpeg", `[{"jpeg": 30}]`},
	} {
		b.Run(c.name, func(b *testing.B) {
			var list augment.List
			if err := json.Unmarshal([]byte(c.list), &list); err != nil {
				b.Fatal(err)
			}
			p, err := augment.New(list, augment.Rows{Shape: []int{28, 28}}, 1, 0)
			if err != nil {
				b.Fatal(err)
			}
			rows := make([][]float32, batch)
			for i := range rows {
				rows[i] = make([]float32, 784)
			}
			b.ReportAllocs()
			for step := 0; b.Loop(); step++ {
				for i, row := range rows {
					if err := p.Apply(row, uint32(step), uint32(i)); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(batch*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
