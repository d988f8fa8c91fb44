package builder

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/catvae/catvae/internal/configkey"
)

// SetPath changes one key of one layer by its path, "layers[1].conv.kernel" or "layers[3].residual[0].conv", to a value as JSON,
// a word, or a list of numbers such as "3,5".
func (c *NetworkConfig) SetPath(path, value string) error {
	n, ok := c.Network.(Layers)
	if !ok {
		return fmt.Errorf("%s names a layer, which only networks of kind layers have: this one is of kind %s", path, c.kind())
	}
	index, rest, err := configkey.Index("layers", path)
	if err != nil {
		return err
	}
	n.Layers = slices.Clone(n.Layers)
	if err := setLayer(n.Layers, "layers", index, rest, value); err != nil {
		return err
	}
	c.Network = n
	return nil
}

// kind is the network's kind, that of a network without one where there is none yet.
func (c *NetworkConfig) kind() string {
	if c.Network == nil {
		return kindOf(false)
	}
	return c.Kind()
}

// setLayer changes a layer of a list, or one key of it.
func setLayer(list []LayerSpec, name string, index int, rest, value string) error {
	if index < 0 || index >= len(list) {
		return fmt.Errorf("there is no %s[%d]: the list has %d layers", name, index, len(list))
	}
	if rest == "" {
		return json.Unmarshal(configkey.JSON(value), &list[index])
	}
	kind, key, _ := strings.Cut(rest, ".")
	if inner, ok := list[index].LayerKind.(ResidualLayer); ok && strings.HasPrefix(kind, "residual[") {
		return setResidual(&list[index], inner, "residual", rest, value)
	} else if ok && kind == "residual" && strings.HasPrefix(key, "shortcut[") {
		return setResidual(&list[index], inner, "shortcut", key, value)
	}
	object, err := json.Marshal(map[string]json.RawMessage{kind: configkey.JSON(value)})
	if key == "" {
		if err != nil {
			return err
		}
		return json.Unmarshal(object, &list[index])
	}
	if have := list[index].Kind(); kind != have {
		return fmt.Errorf("%s[%d] is a layer of kind %s, not %s", name, index, have, kind)
	}
	data, err := json.Marshal(list[index].LayerKind)
	if err != nil {
		return err
	}
	keys := map[string]json.RawMessage{}
	if err := json.Unmarshal(data, &keys); err != nil {
		return err
	}
	keys[key] = configkey.JSON(value)
	if object, err = json.Marshal(map[string]any{kind: keys}); err != nil {
		return err
	}
	return json.Unmarshal(object, &list[index])
}

// setResidual changes a layer within a residual block.
func setResidual(to *LayerSpec, block ResidualLayer, name, path, value string) error {
	index, rest, err := configkey.Index(name, path)
	if err != nil {
		return err
	}
	inner := &block.Layers
	if name == "shortcut" {
		inner = &block.Shortcut
	}
	*inner = slices.Clone(*inner)
	if err := setLayer(*inner, name, index, rest, value); err != nil {
		return err
	}
	to.LayerKind = block
	return nil
}
