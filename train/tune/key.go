package tune

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/catvae/catvae/internal/noise"
)

// ErrKey is wrapped by every error about what is to be tried.
var ErrKey = errors.New("bad search")

// A Key is a key of the configuration with the values to try: one of a list, or a number within a range.
type Key struct {
	Name      string   `json:"name"`
	Choices   []string `json:"choices,omitempty"`
	Low, High float64  `json:",omitzero"` // where there are no choices
	Log       bool     `json:"log,omitempty"`
}

// ParseKey reads a key: NAME=A|B|C for a choice, NAME=LOW..HIGH for a number, NAME=log:LOW..HIGH for one whose logarithm is uniform.
func ParseKey(text string) (Key, error) {
	name, values, ok := strings.Cut(text, "=")
	if !ok || name == "" || values == "" {
		return Key{}, fmt.Errorf("tune: %q: use KEY=A|B|C, KEY=LOW..HIGH or KEY=log:LOW..HIGH: %w", text, ErrKey)
	}
	k := Key{Name: name}
	number, logarithm := strings.CutPrefix(values, "log:")
	low, high, isRange := strings.Cut(number, "..")
	if !isRange {
		if k.Choices = strings.Split(values, "|"); logarithm || len(k.Choices) < 2 {
			return k, fmt.Errorf("tune: %q leaves nothing to choose: use KEY=A|B|C or KEY=LOW..HIGH, or give one value by --set: %w", text, ErrKey)
		}
		return k, nil
	}
	var err error
	if k.Low, err = strconv.ParseFloat(low, 64); err == nil {
		k.High, err = strconv.ParseFloat(high, 64)
	}
	if k.Log = logarithm; err != nil || !(k.Low < k.High) || math.IsInf(k.High-k.Low, 0) || k.Log && k.Low <= 0 {
		return k, fmt.Errorf("tune: %q: a range is two numbers, the smaller first, above 0 with log: %w", text, ErrKey)
	}
	return k, nil
}

// Value returns the value of the i-th configuration. It depends on the seed, the key's name and i only. A range of whole numbers gives
// whole numbers where both ends are written without a fraction and are 2 or more apart.
func (k Key) Value(seed uint64, i int) string {
	word := noise.Stream{Seed: seed, Purpose: noise.Named("tune/" + k.Name)}.Block(uint32(i), 0, 0)[0]
	u := (float64(word) + 0.5) / (1 << 32)
	if len(k.Choices) > 0 {
		return k.Choices[int(u*float64(len(k.Choices)))]
	}
	x := k.Low + u*(k.High-k.Low)
	if k.Log {
		x = math.Exp(math.Log(k.Low) + u*(math.Log(k.High)-math.Log(k.Low)))
	}
	if k.Low == math.Trunc(k.Low) && k.High == math.Trunc(k.High) && k.High-k.Low >= 2 {
		return strconv.FormatFloat(math.Round(x), 'f', -1, 64)
	}
	return strconv.FormatFloat(x, 'g', 4, 64)
}
