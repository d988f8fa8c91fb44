package augment

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/catvae/catvae/internal/configkey"
	"github.com/catvae/catvae/internal/spelling"
)

// chanceKey is a key of every augmentation: the share of rows that it is made of. Left out it is made of all.
const chanceKey = "chance"

// chanceRange is the range of that key.
var chanceRange = configkey.Range{Least: 0, Most: 1}

// A Spec is an augmentation as a configuration has it: an object with one key, its name.
type Spec struct {
	Kind
	Chance float64 // of a row to be changed, 0 for 1
}

// Name returns the augmentation's name in configurations, "" for none.
func (s Spec) Name() string { return nameOf(s.Kind) }

// MarshalJSON writes the object, with a plain value where it says all.
func (s Spec) MarshalJSON() ([]byte, error) {
	name := s.Name()
	if name == "" {
		return nil, fmt.Errorf("augment: an augmentation of type %T: use one of this package's", s.Kind)
	}
	value, err := json.Marshal(s.Kind)
	if err != nil {
		return nil, err
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(value, &keys); err != nil {
		return nil, err
	}
	if short := keys[kinds[name].short]; len(keys) == 1 && short != nil && s.Chance == 0 {
		return json.Marshal(map[string]json.RawMessage{name: short})
	}
	if s.Chance != 0 {
		if keys[chanceKey], err = json.Marshal(s.Chance); err != nil {
			return nil, err
		}
	}
	return json.Marshal(map[string]map[string]json.RawMessage{name: keys})
}

// UnmarshalJSON reads the object.
func (s *Spec) UnmarshalJSON(data []byte) error {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil || len(object) != 1 {
		if names := slices.Sorted(maps.Keys(object)); len(names) > 1 {
			return fmt.Errorf("it has the names %s: an augmentation has one: make the others augmentations of their own", strings.Join(names, " and "))
		}
		return fmt.Errorf("an augmentation is an object with one key, its name, such as {\"elastic\": 0.5}: use %s", strings.Join(Kinds(), ", "))
	}
	for name, value := range object {
		row, ok := kinds[name]
		if !ok {
			return unknown(name)
		}
		if value = bytes.TrimSpace(value); !bytes.HasPrefix(value, []byte("{")) {
			value = slices.Concat([]byte(`{"`+row.short+`":`), value, []byte("}"))
		}
		into, err := decode(value, row.zero)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		*s = into
	}
	return nil
}

// decode reads the keys of an augmentation. One that it does not have is an error, which names those that it has.
func decode(object []byte, zero Kind) (Spec, error) {
	var s Spec
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(object, &keys); err != nil {
		return s, err
	}
	if text, ok := keys[chanceKey]; ok {
		delete(keys, chanceKey)
		if json.Unmarshal(text, &s.Chance) != nil || s.Chance == 0 {
			return s, fmt.Errorf("%s is %s: use a number above 0, up to 1", chanceKey, text)
		}
	}
	into := newOf(zero)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		have := keysOf(zero)
		if !slices.Contains(have, key) {
			return s, fmt.Errorf("it has no key %q: %s", key, spelling.Suggest(key, append(have, chanceKey)))
		}
		one, err := json.Marshal(map[string]json.RawMessage{key: keys[key]})
		if err == nil {
			err = json.Unmarshal(one, into.Interface())
		}
		if err != nil {
			return s, fmt.Errorf("%s is %s: use a value such as those of docs/augmentation.md", key, keys[key])
		}
	}
	s.Kind = into.Elem().Interface().(Kind)
	return s, nil
}

// Check reports the first key that is out of its range, by its name.
func (s Spec) Check() error {
	if s.Name() == "" {
		return fmt.Errorf("an augmentation of type %T: use one of %s", s.Kind, strings.Join(Kinds(), ", "))
	}
	if err := chanceRange.Check(s.Chance); err != nil {
		return fmt.Errorf("%s.%s %w", s.Name(), chanceKey, err)
	}
	if err := check(s.Kind); err != nil {
		return fmt.Errorf("%s.%w", s.Name(), err)
	}
	return nil
}
