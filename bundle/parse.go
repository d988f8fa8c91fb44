package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/internal/readfile"
	"github.com/catvae/catvae/internal/visible"
)

// manifestFields is Manifest without its methods, so that encoding/json does not call itself.
type manifestFields Manifest

// ParseManifest decodes and checks a manifest.
func ParseManifest(data []byte) (*Manifest, error) {
	m, err := parseManifest(data)
	return m, visible.Error(err)
}

func parseManifest(data []byte) (*Manifest, error) {
	if len(data) > maxText {
		return nil, fmt.Errorf("bundle: manifest: it has %d bytes, at most %d are read: %w", len(data), maxText, ErrFormat)
	}
	m := new(Manifest)
	if err := m.UnmarshalJSON(data); err != nil {
		if errors.Is(err, ErrBad) {
			return nil, err
		}
		return nil, fmt.Errorf("bundle: manifest: %w: %w", err, ErrFormat)
	}
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return m, nil
}

// UnmarshalJSON decodes a manifest and keeps the fields that it does not know. The version comes first: a newer one may
// change what other fields mean.
func (m *Manifest) UnmarshalJSON(data []byte) error {
	var texts map[string]json.RawMessage
	if err := json.Unmarshal(data, &texts); err != nil {
		return err
	}
	var fields manifestFields
	to := reflect.ValueOf(&fields).Elem()
	for i := range to.NumField() {
		name, _, _ := strings.Cut(to.Type().Field(i).Tag.Get("json"), ",")
		if text, ok := texts[name]; ok && name != "" {
			if err := json.Unmarshal(text, to.Field(i).Addr().Interface()); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			delete(texts, name)
		}
		if i == 0 {
			if err := checkVersion(fields.FormatVersion); err != nil {
				return err
			}
		}
	}
	if len(texts) > 0 {
		fields.unknown = texts
	}
	*m = Manifest(fields)
	return nil
}

// MarshalJSON encodes a manifest: its fields in their order, then the unknown ones in the order of their names.
func (m Manifest) MarshalJSON() ([]byte, error) {
	data, err := json.Marshal(manifestFields(m))
	if err != nil || len(m.unknown) == 0 {
		return data, err
	}
	data = bytes.TrimSuffix(data, []byte("}"))
	for _, name := range slices.Sorted(maps.Keys(m.unknown)) {
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		data = append(append(append(append(data, ','), key...), ':'), m.unknown[name]...)
	}
	return append(data, '}'), nil
}

// Encode returns the manifest as a file holds it: indented, with a final newline, the same bytes for the same manifest.
func (m *Manifest) Encode() ([]byte, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("bundle: manifest: %w", err)
	}
	if data = append(data, '\n'); len(data) > maxText {
		return nil, fmt.Errorf("bundle: manifest: it would have %d bytes, at most %d are read: use fewer latent variables, or a uniform prior: %w", len(data), maxText, ErrFormat)
	}
	return data, nil
}

func checkVersion(v string) error {
	major, minor, ok := strings.Cut(v, ".")
	n, err1 := strconv.ParseUint(major, 10, 16)
	_, err2 := strconv.ParseUint(minor, 10, 16)
	if !ok || err1 != nil || err2 != nil {
		return fmt.Errorf("bundle: manifest: format_version is %.100q, it must be MAJOR.MINOR such as %.100q: %w", v, newestVersion, ErrFormat)
	}
	ours, _, _ := strings.Cut(newestVersion, ".")
	if o, _ := strconv.ParseUint(ours, 10, 16); n > o {
		return fmt.Errorf("bundle: the bundle has format %s, this program reads up to %s.x: %w: use a newer catvae", v, ours, ErrNewer)
	}
	return nil
}

// The limits of what a manifest may claim, so that nothing is allocated for a number that no model has.
const maxSize = 1 << 24

// Validate reports the first thing wrong with a manifest, as an [ErrFormat] or [ErrNewer] that names the field.
func (m *Manifest) Validate() error { return visible.Error(m.validate()) }

func (m *Manifest) validate() error {
	if err := checkVersion(m.FormatVersion); err != nil {
		return err
	}
	for _, check := range []func() error{m.Input.validate, m.Latent.validate, m.validatePredicted, m.validateLikelihood, m.validateOutputs, m.validateFiles, m.validateVariants} {
		if err := check(); err != nil {
			return fmt.Errorf("bundle: manifest: %w: %w", err, ErrFormat)
		}
	}
	return nil
}

func (in Input) validate() error {
	n, err := onnxtensor.Size(in.Shape)
	if err != nil {
		return fmt.Errorf("input: %w", err)
	}
	if len(in.Shape) == 0 || n < 1 || n > maxSize {
		return fmt.Errorf("input.shape is %v: a row has 1 to %d values", in.Shape, maxSize)
	}
	if in.Name == "" || in.DType != Float32 {
		return fmt.Errorf("input is %.100q of type %.100q: graphs take a named float32", in.Name, in.DType)
	}
	if !(in.Range[0] < in.Range[1]) || math.IsInf(in.Range[0], 0) || math.IsInf(in.Range[1], 0) || !(in.Scale > 0) || math.IsInf(in.Scale, 0) {
		return fmt.Errorf("input.range is %v and input.scale %v: both must be finite, the range ascending", in.Range, in.Scale)
	}
	switch v := in.Values(); {
	case !slices.Contains([]string{"", NumbersWhole, NumbersReal}, in.Numbers):
		return fmt.Errorf("input.numbers is %.100q, this version knows %q and %q", in.Numbers, NumbersWhole, NumbersReal)
	case in.Numbers != "" && !(math.Abs(in.Scale*v.Numbers-1) < 1e-9):
		return fmt.Errorf("input.scale is %v and input.divide %v: with input.numbers every number has one divisor", in.Scale, in.Divide)
	case v.Check() != nil:
		return fmt.Errorf("input: %w", v.Check())
	}
	if f := in.FirstColumn; f != nil && *f != 0 && *f != 1 {
		return fmt.Errorf("input.first_column is %d: columns count from 0 or from 1", *f)
	}
	if names := len(in.Columns); names != 0 {
		if distinct := len(slices.Compact(slices.Sorted(slices.Values(in.Columns)))); names != n || distinct != names {
			return fmt.Errorf("input.columns has %d names, %d of them different: a row has %d values", names, distinct, n)
		}
	}
	if err := in.Embedder.validate(n); err != nil {
		return err
	}
	if err := in.Standard.validate(n); err != nil {
		return err
	}
	if in.Image != nil {
		return in.Image.validate(in.Shape)
	}
	return nil
}

func (i Image) validate(shape []int64) error {
	switch {
	case len(shape) == 2 && i.Color == "", len(shape) == 3 && shape[0] == 3 && i.Color == RGB:
	case i.Color != "" && i.Color != RGB:
		return fmt.Errorf("input.image.color is %.100q, this version knows %q", i.Color, RGB)
	default:
		return fmt.Errorf("input.image is given for rows of shape %v, of color %q: pictures are rows of [height, width], and of [3, height, width] in %q", shape, i.Color, RGB)
	}
	if !slices.Contains(Resizes, i.Resize) {
		return fmt.Errorf("input.image.resize is %.100q, this version knows %s", i.Resize, strings.Join(Resizes, ", "))
	}
	if !background.MatchString(i.Background) {
		return fmt.Errorf("input.image.background is %.100q, this version knows black, white, grey levels from 0 to 255 and colours such as #ff8000", i.Background)
	}
	if i.Orientation != "" && !slices.Contains(orientations, i.Orientation) {
		return fmt.Errorf("input.image.orientation is %.100q, this version knows %s", i.Orientation, strings.Join(orientations, ", "))
	}
	return nil
}

// What an image's background and orientation may be, as package picture has it.
var (
	background   = regexp.MustCompile(`^(|black|white|\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5]|#[0-9a-fA-F]{6})$`)
	orientations = []string{"none", "exif"}
)

func (l Latent) validate() error {
	if l.Variables < 1 || l.Variables > maxSize {
		return fmt.Errorf("latent.variables is %d: use 1 to %d", l.Variables, maxSize)
	}
	if l.Categories < 0 || l.Categories > maxSize/l.Variables {
		return fmt.Errorf("latent.categories is %d for %d variables: codes have at most %d bits", l.Categories, l.Variables, maxSize)
	}
	if err := l.Dist().Check(); err != nil {
		return err
	}
	if l.Posterior != "" && l.Posterior != dist.PointPosterior {
		return fmt.Errorf("latent.posterior is %.100q, this version knows %q", l.Posterior, dist.PointPosterior)
	}
	if l.BitOrder != BitOrderMSBFirst {
		return fmt.Errorf("latent.bit_order is %.100q, this version knows %.100q", l.BitOrder, BitOrderMSBFirst)
	}
	switch priors, logits := l.Dist().Priors(), l.Dist().PriorSize(); {
	case l.Prior.Kind == priors[0] && len(l.Prior.Logits) == 0:
	case l.Prior.Kind == dist.ConditionalPrior && len(l.Prior.Logits) == 0:
	case l.Prior.Kind == dist.LearnedPrior && slices.Contains(priors, dist.LearnedPrior) && len(l.Prior.Logits) == logits:
	case !slices.Contains(priors, dist.LearnedPrior):
		return fmt.Errorf("latent.prior is %.100q with %d logits: %.100s variables have %q, which has none", l.Prior.Kind, len(l.Prior.Logits), l.Kind, priors[0])
	default:
		return fmt.Errorf("latent.prior is %.100q with %d logits: %q has none, \"learned\" has %d", l.Prior.Kind, len(l.Prior.Logits), priors[0], logits)
	}
	return nil
}

func (m *Manifest) validateFiles() error {
	for _, name := range m.Graphs() {
		if _, ok := m.Files[name]; !ok {
			return fmt.Errorf("files lacks %s", name)
		}
	}
	for name, f := range m.Files {
		if _, err := readfile.Local(name); err != nil {
			return fmt.Errorf("files: %w", err)
		}
		if f.Size < 0 || f.Size > maxFile {
			return fmt.Errorf("files: %.100q has %d bytes: 0 to %d are possible", name, f.Size, maxFile)
		}
		if !isSum(f.SHA256) {
			return fmt.Errorf("files: %.100q has SHA-256 %.100q: it must be 64 hexadecimal digits in lower case", name, f.SHA256)
		}
	}
	return nil
}

// isSum reports a SHA-256 as files write it.
func isSum(text string) bool { return len(text) == 64 && strings.Trim(text, "0123456789abcdef") == "" }

func (m *Manifest) validateVariants() error {
	for name, v := range m.Variants {
		if _, ok := m.Files[v.File]; !ok || name == "" || name == VariantFloat32 {
			return fmt.Errorf("variants: %.100q is the file %.100q, which files must list (%.100q means %s and %s)", name, v.File, VariantFloat32, EncoderFile, ThresholdFile)
		}
		if v.Input != Uint8 && v.Input != Float32 {
			return fmt.Errorf("variants: %.100q takes %.100q: use %s or %s", name, v.Input, Uint8, Float32)
		}
		if len(v.Devices) == 0 {
			return fmt.Errorf("variants: %.100q names no devices", name)
		}
		for tensor, q := range v.Activations {
			if !(q.Scale > 0) || math.IsInf(q.Scale, 0) || q.ZeroPoint < 0 || q.ZeroPoint > 255 {
				return fmt.Errorf("variants: %.100q: %.100q has scale %g and zero point %d: the scale is positive, the zero point a byte", name, tensor, q.Scale, q.ZeroPoint)
			}
		}
	}
	return nil
}
