package train

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/models"
	"github.com/catvae/catvae/train/engine"
)

// ErrConfig is wrapped by every error about a configuration.
var ErrConfig = errors.New("bad configuration")

// A Config defines a run: with its data it determines every number of the result. It is saved as RUN/config.json. Keys
// are nested in JSON and dotted on the command line: `latent.variables`.
type Config struct {
	Latent      builder.Latent     `json:"latent"`
	Encoder     builder.MLP        `json:"encoder"`
	Decoder     builder.MLP        `json:"decoder"`
	Activation  builder.Activation `json:"activation"`
	Temperature Temperature        `json:"temperature"`
	Objective   Objective          `json:"objective"`
	Optimizer   engine.Optimizer   `json:"optimizer"`
	Data        Data               `json:"data"`
	Epochs      int                `json:"epochs"` // passes over the training rows, at least 1
	Batch       int                `json:"batch"`  // rows a step, at least 1
	Seed        uint64             `json:"seed"`   // of everything that is drawn
}

// Temperature is the schedule tau(t) = max(floor, start·exp(-rate·t)) over the global step t.
// Jang et al. 1611.01144, section 4.2.
type Temperature struct {
	Start float64 `json:"start"` // > 0
	Floor float64 `json:"floor"` // > 0
	Rate  float64 `json:"rate"`  // >= 0, per step
}

// Objective weighs the divergence: weight(t) = kl_weight · min(1, t/kl_warmup).
type Objective struct {
	KLWeight float64 `json:"kl_weight"` // >= 0; 1 is the ELBO
	KLWarmup int     `json:"kl_warmup"` // steps; 0 means none
}

// Data says what is made of the rows.
type Data struct {
	Binarize   dataset.Binarization `json:"binarize"`   // "none", "fixed", "dynamic" or "threshold"
	Validation int                  `json:"validation"` // rows held out of the training split; -1 means a sixth

	// Of pictures only: the size of rows, [height, width], nil for that of the first picture; and how others are made to fit:
	// "none" or "" (another size is an error), "nearest", "bilinear" or "catmull-rom".
	ImageSize []int  `json:"image_size,omitempty"`
	Resize    string `json:"resize,omitempty"`
}

// Image returns what pictures are made to fit, nil where their own size is taken.
func (d Data) Image() *dataset.Image {
	if len(d.ImageSize) != 2 {
		return nil
	}
	return &dataset.Image{Height: d.ImageSize[0], Width: d.ImageSize[1], Resize: cmp.Or(d.Resize, bundle.ResizeNone)}
}

// resizes reports pictures of other sizes that are made to fit.
func (d Data) resizes() bool { return d.Resize != "" && d.Resize != bundle.ResizeNone }

func (d Data) validate() error {
	if _, err := dataset.ParseBinarization(string(d.Binarize)); err != nil {
		return fmt.Errorf("data.binarize: %w: %w", err, ErrConfig)
	}
	switch d.Resize {
	case "", bundle.ResizeNone, bundle.ResizeNearest, bundle.ResizeBilinear, bundle.ResizeCatmullRom:
	default:
		return fmt.Errorf("train: data.resize is %q: use %s, %s, %s or %s: %w", d.Resize, bundle.ResizeNone, bundle.ResizeNearest, bundle.ResizeBilinear, bundle.ResizeCatmullRom, ErrConfig)
	}
	if n := len(d.ImageSize); n != 0 && (n != 2 || min(d.ImageSize[0], d.ImageSize[1]) < 1 || max(d.ImageSize[0], d.ImageSize[1]) > 1<<12) {
		return fmt.Errorf("train: data.image_size is %v: use height and width, 1 to %d each, such as 28x28: %w", d.ImageSize, 1<<12, ErrConfig)
	}
	if d.resizes() && len(d.ImageSize) == 0 {
		return fmt.Errorf("train: data.resize is %q, but there is no size to resize to: set data.image_size, such as 28x28: %w", d.Resize, ErrConfig)
	}
	return nil
}

// LoadConfig returns the configuration of a name of the catalogue ("bernoulli-mlp") or of a JSON file. What a file
// leaves out is as in bernoulli-mlp; a key that does not exist is an error that names it. ONNX graphs that a file names are
// looked for beside it.
func LoadConfig(nameOrFile string, read func(file string) ([]byte, error)) (Config, error) {
	c, err := parseConfig(Config{}, models.Default)
	if err != nil {
		return c, err
	}
	if data, ok := models.Get(nameOrFile); ok {
		return parseConfig(c, string(data))
	}
	if !strings.HasSuffix(nameOrFile, ".json") {
		return c, fmt.Errorf("train: there is no model %q: use %s, or a file that ends in .json: %w", nameOrFile, strings.Join(models.Names(), ", "), ErrConfig)
	}
	data, err := read(nameOrFile)
	if err != nil {
		return c, fmt.Errorf("train: %w", err)
	}
	c, err = parseConfig(c, string(data))
	if err != nil {
		return c, fmt.Errorf("%w (%s)", err, nameOrFile)
	}
	for _, graph := range []*string{&c.Encoder.Graph, &c.Decoder.Graph} {
		if *graph != "" && !filepath.IsAbs(*graph) {
			*graph = filepath.Join(filepath.Dir(nameOrFile), filepath.FromSlash(*graph))
		}
	}
	return c, nil
}

// parseConfig lays JSON over a configuration. Lists and the latent's own keys replace what was there as a whole.
func parseConfig(c Config, text string) (Config, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &keys); err != nil {
		return c, fmt.Errorf("train: configuration: %w: %w", err, ErrConfig)
	}
	if _, ok := keys["latent"]; ok {
		prior := c.Latent.Prior
		c.Latent = builder.Latent{Prior: prior} // the categories of another kind must not stay
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, fmt.Errorf("train: configuration: %w: %w", err, ErrConfig)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return c, fmt.Errorf("train: configuration: there is text behind its end: %w", ErrConfig)
	}
	return c, nil
}

// Set changes one key, "latent.variables=64": numbers, words, and lists of numbers such as "400,200", "28x28" or
// "[]".
func (c *Config) Set(assignment string) error {
	key, value, ok := strings.Cut(assignment, "=")
	if !ok {
		return fmt.Errorf("train: --set %q: write KEY=VALUE: %w", assignment, ErrConfig)
	}
	v := reflect.ValueOf(c).Elem()
	for _, part := range strings.Split(key, ".") {
		field := reflect.Value{}
		if v.Kind() == reflect.Struct {
			field = byTag(v, part)
		}
		if !field.IsValid() {
			return fmt.Errorf("train: --set %s: there is no such key; the keys are %s: %w", key, strings.Join(Keys(), ", "), ErrConfig)
		}
		v = field
	}
	if err := assign(v, value); err != nil {
		return fmt.Errorf("train: --set %s: %w: %w", assignment, err, ErrConfig)
	}
	if key == "latent.kind" && value == "bernoulli" {
		c.Latent.Categories = 0
	}
	return nil
}

func byTag(v reflect.Value, name string) reflect.Value {
	for i := range v.NumField() {
		if tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ","); tag == name {
			return v.Field(i)
		}
	}
	return reflect.Value{}
}

func assign(v reflect.Value, text string) error {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q is no whole number", text)
		}
		v.SetInt(int64(n))
	case reflect.Uint64:
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is no whole number from 0", text)
		}
		v.SetUint(n)
	case reflect.Float64:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("%q is no number", text)
		}
		v.SetFloat(x)
	case reflect.Slice:
		numbers := []int{}
		for _, word := range strings.Fields(strings.NewReplacer(",", " ", "x", " ").Replace(strings.Trim(text, "[]"))) {
			n, err := strconv.Atoi(word)
			if err != nil {
				return fmt.Errorf("%q is no list of whole numbers such as 400,200", text)
			}
			numbers = append(numbers, n)
		}
		v.Set(reflect.ValueOf(numbers))
	default:
		return fmt.Errorf("it holds further keys: set one of them")
	}
	return nil
}

// Keys returns every key that [Config.Set] takes, sorted.
func Keys() []string {
	var keys []string
	var walk func(t reflect.Type, prefix string)
	walk = func(t reflect.Type, prefix string) {
		for i := range t.NumField() {
			tag, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			if t.Field(i).Type.Kind() == reflect.Struct {
				walk(t.Field(i).Type, prefix+tag+".")
			} else {
				keys = append(keys, prefix+tag)
			}
		}
	}
	walk(reflect.TypeFor[Config](), "")
	slices.Sort(keys)
	return keys
}

// Model returns the architecture for rows of the given shape.
func (c Config) Model(input []int) builder.Model {
	m := builder.Model{Input: input, Latent: c.Latent, Encoder: c.Encoder, Decoder: c.Decoder, Activation: c.Activation}
	if c.Data.Binarize == dataset.Threshold {
		m.Binarize = 0.5
	}
	return m
}

// Validate reports the first thing wrong with a configuration, by its key.
func (c Config) Validate() error {
	if err := c.Model([]int{1}).Validate(); err != nil {
		return fmt.Errorf("%w: %w", err, ErrConfig)
	}
	if err := c.Data.validate(); err != nil {
		return err
	}
	if err := c.Optimizer.Validate(); err != nil {
		return fmt.Errorf("%w: %w", err, ErrConfig)
	}
	for _, r := range []struct {
		key         string
		value       float64
		least, most float64
		open        bool // whether least itself is out
	}{
		{"temperature.start", c.Temperature.Start, 0, 1e6, true},
		{"temperature.floor", c.Temperature.Floor, 0, 1e6, true},
		{"temperature.rate", c.Temperature.Rate, 0, 1e6, false},
		{"objective.kl_weight", c.Objective.KLWeight, 0, 1e6, false},
		{"objective.kl_warmup", float64(c.Objective.KLWarmup), 0, 1e12, false},
		{"data.validation", float64(c.Data.Validation), -1, 1e12, false},
		{"epochs", float64(c.Epochs), 1, 1e6, false},
		{"batch", float64(c.Batch), 1, 1 << 20, false},
	} {
		if !(r.value >= r.least && r.value <= r.most) || math.IsInf(r.value, 0) || (r.open && r.value == r.least) {
			above := "from"
			if r.open {
				above = "above"
			}
			return fmt.Errorf("train: %s is %g: use a number %s %g, up to %g: %w", r.key, r.value, above, r.least, r.most, ErrConfig)
		}
	}
	return nil
}
