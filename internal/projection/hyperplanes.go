package projection

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/mat"
)

// Hyperplanes returns random hyperplanes through the mean of the rows: their normals are drawn from the standard normal distribution, so
// that two rows, seen from the mean at an angle of θ, differ in a bit with probability θ/π. Charikar 2002, "Similarity estimation
// techniques from rounding algorithms", section 3. Any number of bits can be had.
func (d *Data) Hyperplanes(_ context.Context, bits int) (Map, error) {
	if bits < 1 {
		return Map{}, fmt.Errorf("projection: hyperplanes for %d bits: use 1 or more", bits)
	}
	weight := make([]float64, d.rows.Width*bits)
	d.normal(weight, 0)
	return through(mat.NewDense(d.rows.Width, bits, weight), d.mean), nil
}
