package augment

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/catvae/catvae/internal/configkey"
	"github.com/catvae/catvae/internal/spelling"
)

// kinds are the augmentations by the names that configurations use, one row each. A kind's type has its keys as fields, with their ranges in
// tags; every key is 0 or "" where it is left out, and a strength of 0 does nothing. Where a configuration gives a plain value in place of an
// object, {"crop": 0.2}, it is that of the key short.
var kinds = map[string]struct {
	zero  Kind
	short string
	fits  func(r Rows) error // nil for any rows
	doc   string
}{
	"affine":      {Affine{}, "rotate", pictures, "rotates, scales, shears and shifts a picture"},
	"blur":        {Blur{}, "sigma", pictures, "blurs a picture by a Gaussian"},
	"color":       {Color{}, "brightness", pictures, "changes a picture's brightness, contrast, saturation and hue"},
	"crop":        {Crop{}, "cut", pictures, "cuts a window out of a picture, which then fills it"},
	"elastic":     {Elastic{}, "strength", pictures, "moves the pixels of a picture by a smooth random field"},
	"erase":       {Erase{}, "size", pictures, "makes one rectangle of a picture black"},
	"flip":        {Flip{}, "horizontal", pictures, "mirrors a picture"},
	"jpeg":        {JPEG{}, "quality", packable, "packs a picture as JPEG and unpacks it"},
	"mask":        {Mask{}, "part", nil, "sets parts of a row to nothing, each by chance: pixels or patches of pictures, columns of other rows"},
	"noise":       {Noise{}, "deviation", nil, "adds Gaussian noise to every value"},
	"salt_pepper": {SaltPepper{}, "part", bounded, "makes values black or white, each by chance: all channels of a pixel, or a column"},
}

// A Kind is an augmentation as plain data: [Affine], [Mask] and the others of the table. It moves pixels or changes values.
type Kind interface {
	// does reports whether its strengths are above zero: else it leaves every row as it is.
	does() bool
}

// A mover is an augmentation that moves the pixels of pictures.
type mover interface {
	Kind
	// outside says what lies beyond a picture's border, "" where it never looks there.
	outside() string
	// move changes places: those of pixels in the new picture on entry, the ones that they are looked up at in the old on return.
	move(d draw, f *form, at places, m *memory)
}

// A changer is an augmentation that changes a row's values.
type changer interface {
	Kind
	change(d draw, f *form, row []float32, m *memory) error
}

// Kinds returns the names of all augmentations, sorted.
func Kinds() []string { return slices.Sorted(maps.Keys(kinds)) }

// NewKind returns an augmentation with all its keys at zero, the key that a plain value stands for, and what the augmentation does.
func NewKind(name string) (k Kind, short, doc string, err error) {
	row, ok := kinds[name]
	if !ok {
		return nil, "", "", unknown(name)
	}
	return row.zero, row.short, row.doc, nil
}

func unknown(name string) error {
	return fmt.Errorf("no augmentation is called %q: %s", name, spelling.Suggest(name, Kinds()))
}

// nameOf returns the name of an augmentation, "" for none of the table.
func nameOf(k Kind) string {
	for name, row := range kinds {
		if reflect.TypeOf(row.zero) == reflect.TypeOf(k) {
			return name
		}
	}
	return ""
}

// keysOf returns the names of an augmentation's keys.
func keysOf(k Kind) (keys []string) {
	for t, i := reflect.TypeOf(k), 0; i < t.NumField(); i++ {
		keys = append(keys, keyOf(t.Field(i)))
	}
	return keys
}

func keyOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// check reports the first key of an augmentation that is out of its range, or that is none of its words.
func check(k Kind) error {
	v := reflect.ValueOf(k)
	for i := range v.NumField() {
		f, value := v.Type().Field(i), v.Field(i)
		if list := Words(f.Tag.Get("oneof")); list != nil && value.String() != "" && !slices.Contains(list, value.String()) {
			return fmt.Errorf("%s is %q: %s", keyOf(f), value, spelling.Suggest(value.String(), list))
		}
		r, ok := configkey.ParseRange(f.Tag.Get("range"))
		if !ok {
			continue
		}
		x := 0.0
		if value.CanInt() {
			x = float64(value.Int())
		} else {
			x = value.Float()
		}
		if err := r.Check(x); err != nil {
			return fmt.Errorf("%s %w", keyOf(f), err)
		}
	}
	return nil
}

// Words returns what a key with this tag `oneof` may be, nil for a tag that is not of this package.
func Words(oneof string) []string {
	if oneof != "outsides" {
		return nil
	}
	return []string{Black, White, Edge}
}
