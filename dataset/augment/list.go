package augment

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/catvae/catvae/internal/configkey"
)

// A List is augmentations in their order.
type List []Spec

// UnmarshalJSON reads a list of objects. An error names the place.
func (l *List) UnmarshalJSON(data []byte) error {
	var objects []json.RawMessage
	if err := json.Unmarshal(data, &objects); err != nil {
		return fmt.Errorf("a list of augmentations is JSON, such as [{\"affine\": {\"rotate\": 20}}, {\"elastic\": 0.5}]")
	}
	list := make(List, len(objects))
	for i, object := range objects {
		if err := list[i].UnmarshalJSON(object); err != nil {
			return fmt.Errorf("data.augment[%d]: %w", i, err)
		}
	}
	*l = list
	return nil
}

// Set reads a list from text: JSON, "" for an empty one.
func (l *List) Set(text string) error {
	if text == "" {
		*l = nil
		return nil
	}
	return l.UnmarshalJSON([]byte(text))
}

// SetPath changes one augmentation by its place, "[0]", to JSON, or one key of it, "[0].affine.rotate", to a number or a word.
func (l *List) SetPath(path, value string) error {
	i, rest, err := configkey.Index("", path)
	if err != nil {
		return err
	}
	if i < 0 || i >= len(*l) {
		return fmt.Errorf("there is no [%d]: the list has %d augmentations", i, len(*l))
	}
	list := slices.Clone(*l)
	if err := list[i].set(rest, value); err != nil {
		return err
	}
	*l = list
	return nil
}

// set changes an augmentation, or one key of it: "affine.rotate".
func (s *Spec) set(path, value string) error {
	if path == "" {
		return s.UnmarshalJSON(configkey.JSON(value))
	}
	name, key, _ := strings.Cut(path, ".")
	if key == "" {
		object, err := json.Marshal(map[string]json.RawMessage{name: configkey.JSON(value)})
		if err != nil {
			return err
		}
		return s.UnmarshalJSON(object)
	}
	if name != s.Name() {
		return fmt.Errorf("this augmentation is %s, not %s", s.Name(), name)
	}
	keys := map[string]json.RawMessage{}
	text, err := json.Marshal(s.Kind)
	if err == nil {
		err = json.Unmarshal(text, &keys)
	}
	if err != nil {
		return err
	}
	if s.Chance != 0 {
		keys[chanceKey] = configkey.JSON(fmt.Sprint(s.Chance))
	}
	keys[key] = configkey.JSON(value)
	object, err := json.Marshal(map[string]any{name: keys})
	if err != nil {
		return err
	}
	return s.UnmarshalJSON(object)
}

// Check reports the first key that is out of its range, by its path: "[1].elastic.strength is -1: …".
func (l List) Check() error {
	for i, s := range l {
		if err := s.Check(); err != nil {
			return fmt.Errorf("[%d].%w", i, err)
		}
	}
	return nil
}

// Fits reports the first augmentation that is not for such rows, by its path, with the way out.
func (l List) Fits(r Rows) error {
	for i, s := range l {
		if fits := kinds[s.Name()].fits; fits != nil {
			if err := fits(r); err != nil {
				return fmt.Errorf("[%d].%s: %w", i, s.Name(), err)
			}
		}
	}
	return nil
}

// newOf returns a pointer to a new augmentation of the same type.
func newOf(zero Kind) reflect.Value { return reflect.New(reflect.TypeOf(zero)) }
