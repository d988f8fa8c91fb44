package train

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/builder/importer"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dataset/augment"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/configkey"
	"github.com/catvae/catvae/picture"
	"github.com/catvae/catvae/train/engine"
)

// A configuration's keys are the fields of [Config], by their tags:
//
//	json    the name
//	doc     what the key is for
//	when    when to change it, or to what
//	range   the least and the largest number, "[0,1e6]"; a round bracket leaves the end out. Of a list, of each element
//	oneof   the name of a list in words: what the key may be

// words are the lists of names that keys may have.
var words = map[string]func() []string{
	"families":         dist.FamilyNames,
	"likelihoods":      dist.LikelihoodNames,
	"variances":        dist.Variances,
	"priors":           builder.Priors,
	"activations":      builder.Activations,
	"latentnorms":      builder.LatentNorms,
	"latentthresholds": builder.LatentThresholds,
	"bests":            Bests,
	"biases":           builder.InitialBiases,
	"estimators":       builder.Estimators,
	"networks":         builder.NetworkKinds,
	"norms":            builder.Norms,
	"pools":            builder.Pools,
	"levelpools":       builder.LevelPools,
	"upsamples":        builder.Upsamples,
	"gives":            importer.AllGives,
	"optimizers":       engine.Optimizers,
	"rates":            engine.RateSchedules,
	"temperatures":     TemperatureSchedules,
	"binarizations":    dataset.Binarizations,
	"headers":          func() []string { return []string{dataset.Auto, dataset.Yes, dataset.No} },
	"first_columns":    func() []string { return []string{dataset.Auto, "0", "1"} },
	"decimals":         func() []string { return []string{dataset.Auto, dataset.DecimalPoint, dataset.DecimalComma} },
	"resizes":          func() []string { return picture.Resizes },
	"fits":             func() []string { return picture.Fits },
	"colors":           colors,
	"layouts":          dataset.Layouts,
	"orientations":     func() []string { return picture.Orientations },
	"holdouts":         func() []string { return []string{HoldoutLast, HoldoutRandom} },
	"outsides":         func() []string { return augment.Words("outsides") },
	"targets":          func() []string { return []string{TargetClean, TargetMoved} },
	"standards":        dist.Standards,
	"vectorsteps":      dist.VectorSteps,
	"numbers":          func() []string { return []string{NumbersAlike, bundle.NumbersWhole, bundle.NumbersReal} },
	"origins":          func() []string { return []string{fromConfiguration, fromPictures, fromRows} },
}

// A key is a key of a configuration, with its value.
type key struct {
	name  string // dotted
	field reflect.StructField
	value reflect.Value
}

// keysOf returns the keys of a configuration, which must be addressable for values that can be set.
func keysOf(c reflect.Value) []key {
	var keys []key
	var walk func(v reflect.Value, prefix string)
	walk = func(v reflect.Value, prefix string) {
		for i := range v.NumField() {
			f := v.Type().Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.Anonymous && f.Type.Kind() == reflect.Struct { // its keys are those of the struct around it, as in JSON
				walk(v.Field(i), prefix)
				continue
			}
			if !f.IsExported() || name == "" {
				continue
			}
			switch n, isNetwork := v.Field(i).Interface().(builder.NetworkConfig); {
			case name == "-":
			case isNetwork:
				keys = append(keys, key{prefix + name + ".kind", kindField, reflect.ValueOf(kindOf(n))})
				if own := reflect.Indirect(reflect.ValueOf(n.Network)); own.Kind() == reflect.Struct { // a network may be anything
					walk(own, prefix+name+".")
				}
			case f.Type.Kind() == reflect.Struct:
				walk(v.Field(i), prefix+name+".")
			default:
				keys = append(keys, key{prefix + name, f, v.Field(i)})
			}
		}
	}
	walk(c, "")
	return keys
}

// kindField describes the key for the kind of a network, which is not a field.
var kindField = reflect.StructField{
	Type: reflect.TypeFor[string](),
	Tag:  `json:"kind" doc:"what the network is; left out: mlp, or onnx where there is a graph" when:"conv for pictures, layers for what the other kinds do not have; hyperplanes, itq or pca with a decoder of kind least_squares, which are fitted and not trained, to compare with; residual or rq with a decoder of kind additive for codes of one byte a variable; catvae import makes networks of kind onnx" oneof:"networks"`,
}

func kindOf(n builder.NetworkConfig) string {
	if n.Network == nil {
		return ""
	}
	return n.Kind()
}

// Keys returns every key that [Config.Set] takes, sorted. For networks it lists the keys of every kind.
func Keys() []string {
	var names []string
	for _, kind := range builder.NetworkKinds() {
		n, err := builder.NewNetwork(kind)
		if err != nil {
			continue // a kind has a network
		}
		c := Config{Encoder: builder.NetworkConfig{Network: n}, Decoder: builder.NetworkConfig{Network: n}}
		for _, k := range keysOf(reflect.ValueOf(&c).Elem()) {
			names = append(names, k.name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// A KeyDoc describes a key of a configuration for people.
type KeyDoc struct {
	Name  string // dotted
	Type  string // "whole number", "name" …
	Value string // in a configuration, as JSON; "" where it is left out
	Range string // of numbers, or the names that it may have
	Doc   string // what it is for
	When  string // when to change it, or to what
}

// Describe returns the keys of a configuration with their values, in the order in which files have them.
func (c Config) Describe() (docs []KeyDoc) {
	for _, k := range keysOf(reflect.ValueOf(&c).Elem()) {
		docs = append(docs, k.describe())
	}
	return docs
}

func (k key) describe() KeyDoc {
	d := KeyDoc{Name: k.name, Type: k.typeName(), Range: k.field.Tag.Get("range"), Doc: k.field.Tag.Get("doc"), When: k.field.Tag.Get("when")}
	if list, ok := words[k.field.Tag.Get("oneof")]; ok {
		d.Range = strings.Join(list(), ", ")
	}
	if k.value.IsValid() && !(strings.Contains(k.field.Tag.Get("json"), "omitempty") && k.value.IsZero()) {
		if text, err := json.Marshal(k.value.Interface()); err == nil { // plain numbers and words
			d.Value = string(text)
		}
	}
	return d
}

// typeName says what a key holds, for people.
func (k key) typeName() string {
	switch k.field.Type.Kind() {
	case reflect.Int, reflect.Uint64:
		return "whole number"
	case reflect.Float64:
		return "number"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		switch elem := k.field.Type.Elem(); {
		case k.field.Type == reflect.TypeFor[builder.Sizes]():
			return "whole number, or list of them"
		case elem == reflect.TypeFor[builder.LayerSpec]():
			return "list of layers"
		case elem == reflect.TypeFor[augment.Spec]():
			return "list of augmentations"
		case elem.Kind() == reflect.Struct:
			return "list of objects"
		case elem.Kind() == reflect.String:
			return "list of names"
		}
		return "list of whole numbers"
	}
	return "name"
}

// Set changes one key, "latent.variables=64": numbers, words, and lists of numbers such as "400,200", "28x28" or
// "[]".
func (c *Config) Set(assignment string) error {
	name, value, ok := strings.Cut(assignment, "=")
	if !ok {
		return fmt.Errorf("train: %q sets nothing: write KEY=VALUE: %w", assignment, ErrConfig)
	}
	if err := setKey(reflect.ValueOf(c).Elem(), strings.Split(name, "."), value); err != nil {
		return fmt.Errorf("train: %s: %w: %w", assignment, err, ErrConfig)
	}
	c.replaceRivals(func(key string) bool { return key == name })
	switch name {
	case "latent.kind": // the categories, groups and priors of another kind must not stay
		c.Latent = c.Latent.As(c.Latent.Kind)
	case "latent.groups":
		c.Latent.Variables = dist.GroupSum(c.Latent.Groups)
	}
	return nil
}

func setKey(v reflect.Value, path []string, value string) error {
	field := reflect.Value{}
	list, _, inList := strings.Cut(path[0], "[")
	for _, f := range reflect.VisibleFields(v.Type()) { // those of embedded structs too
		if f.Anonymous {
			continue
		}
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if tag == path[0] {
			field = v.FieldByIndex(f.Index)
		}
		if to, ok := v.FieldByIndex(f.Index).Addr().Interface().(interface {
			SetPath(path, value string) error
		}); ok && inList && tag == list {
			return to.SetPath(strings.TrimPrefix(strings.Join(path, "."), list), value)
		}
	}
	if !field.IsValid() {
		return fmt.Errorf("no such key: the keys are %s", strings.Join(Keys(), ", "))
	}
	switch n, isNetwork := field.Addr().Interface().(*builder.NetworkConfig); {
	case isNetwork && len(path) == 2 && path[1] == "kind":
		return n.SetKind(value)
	case isNetwork && len(path) > 1 && (len(path) > 2 || strings.Contains(path[1], "[")):
		return n.SetPath(strings.Join(path[1:], "."), value)
	case isNetwork && len(path) == 2:
		return n.SetKey(path[1], func(field reflect.Value) error { return assign(field, value) })
	case field.Kind() == reflect.Struct && !isNetwork && len(path) > 1:
		return setKey(field, path[1:], value)
	case len(path) > 1:
		return fmt.Errorf("no such key: the keys are %s", strings.Join(Keys(), ", "))
	}
	return assign(field, value)
}

func assign(v reflect.Value, text string) error {
	if s, ok := v.Addr().Interface().(interface{ Set(text string) error }); ok {
		return s.Set(text)
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		v.SetInt(int64(n))
	case reflect.Uint64:
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not a whole number from 0", text)
		}
		v.SetUint(n)
	case reflect.Float64:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("%q is not a number", text)
		}
		v.SetFloat(x)
	case reflect.Bool:
		on, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		v.SetBool(on)
	case reflect.Slice:
		if v.Type().Elem() == reflect.TypeFor[builder.LayerSpec]() {
			layers := reflect.New(v.Type())
			if err := json.Unmarshal([]byte(text), layers.Interface()); err != nil {
				return fmt.Errorf("a list of layers is JSON, such as [{\"dense\": 256}]: %w", err)
			}
			v.Set(layers.Elem())
			return nil
		}
		if v.Type().Elem().Kind() == reflect.String {
			v.Set(reflect.ValueOf(slices.DeleteFunc(strings.Split(text, ","), func(word string) bool { return word == "" })))
			return nil
		}
		if v.Type().Elem().Kind() != reflect.Int {
			return fmt.Errorf("a list of %v is not set from text: use a file", v.Type().Elem())
		}
		numbers := []int{}
		for _, word := range strings.Fields(strings.NewReplacer(",", " ", "x", " ").Replace(strings.Trim(text, "[]"))) {
			n, err := strconv.Atoi(word)
			if err != nil {
				return fmt.Errorf("%q is not a list of whole numbers such as 400,200", text)
			}
			numbers = append(numbers, n)
		}
		v.Set(reflect.ValueOf(numbers))
	default:
		return fmt.Errorf("it is not a value but holds further keys: set one of them")
	}
	return nil
}

// checkKeys reports the first key whose value is out of its range or not one of its words.
func (c Config) checkKeys() error {
	for _, k := range keysOf(reflect.ValueOf(&c).Elem()) {
		if err := k.check(); err != nil {
			return fmt.Errorf("train: %s %w: %w", k.name, err, ErrConfig)
		}
	}
	return nil
}

func (k key) check() error {
	if list, ok := words[k.field.Tag.Get("oneof")]; ok && k.value.Kind() == reflect.String {
		word, omitted := k.value.String(), strings.Contains(k.field.Tag.Get("json"), "omitempty")
		if names := list(); !slices.Contains(names, word) && !(omitted && word == "") {
			return fmt.Errorf("is %q: use %s", word, strings.Join(names, ", "))
		}
	}
	r, ok := configkey.ParseRange(k.field.Tag.Get("range"))
	if !ok {
		return nil
	}
	switch k.value.Kind() {
	case reflect.Int:
		return r.Check(float64(k.value.Int()))
	case reflect.Float64:
		return r.Check(k.value.Float())
	case reflect.Slice:
		for i := range k.value.Len() {
			if e := k.value.Index(i); e.CanInt() {
				if err := r.Check(float64(e.Int())); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// settings lists a configuration key by key, sorted, with the values as JSON.
func settings(c Config) []setting {
	var out []setting
	for _, k := range keysOf(reflect.ValueOf(&c).Elem()) {
		text, err := json.Marshal(k.value.Interface())
		if err != nil {
			continue // plain numbers and words
		}
		out = append(out, setting{k.name, string(text)})
	}
	slices.SortFunc(out, func(a, b setting) int { return strings.Compare(a.key, b.key) })
	return out
}

// setting is a key with its value.
type setting struct{ key, value string }
