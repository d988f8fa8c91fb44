package reading

import (
	"fmt"
	"math"

	"github.com/catvae/catvae/dist"
)

// Outside says what is wrong with a number of a file that does not become a value within its range, for errors: "NaN: values must lie
// in [0,1]", "300, which becomes 1.1764706: numbers are divided by 255, and values must lie in [0,1]".
func Outside(number string, x float64, becomes float32, v dist.Values) string {
	switch {
	case math.IsNaN(x):
		return fmt.Sprintf("%s: %v", number, v)
	case v.Fraction(float32(x)):
		return fmt.Sprintf("%s, a fraction: %v%s", number, v, v.Advice(x))
	case float64(becomes) != float64(float32(x)):
		return fmt.Sprintf("%s, which becomes %v: %v%s", number, becomes, v, v.Advice(x))
	}
	return fmt.Sprintf("%s: %v%s", number, v, v.Advice(x))
}
