package reading

import (
	"fmt"

	"github.com/catvae/catvae/dist"
)

// Outside says what is wrong with a number of a file that does not become a value within its range, for errors: "2.1: values
// must lie in [0,1]", "300, which becomes 1.1764706: values must lie in [0,1]".
func Outside(number string, x float64, becomes float32, v dist.Values) string {
	if float64(becomes) != float64(float32(x)) && x == x {
		return fmt.Sprintf("%s, which becomes %v: %v", number, becomes, v)
	}
	return fmt.Sprintf("%s: %v", number, v)
}
