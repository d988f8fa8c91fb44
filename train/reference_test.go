package train

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/internal/configkey"
	"github.com/catvae/catvae/internal/golden"
)

// docs/configuration.md is what the configuration's tags say, and every key has a doc.
func TestConfigurationPage(t *testing.T) {
	var want bytes.Buffer
	if err := writeReference(&want); err != nil {
		t.Fatal(err)
	}
	golden.File(t, "../docs/configuration.md", want.Bytes())
	for _, name := range Keys() {
		last := name[strings.LastIndex(name, ".")+1:]
		if !bytes.Contains(want.Bytes(), []byte("`"+name+"`")) && !bytes.Contains(want.Bytes(), []byte("`"+last+"`")) {
			t.Errorf("%s is not on the page", name)
		}
	}
	var all []key
	for _, kind := range builder.NetworkKinds() {
		n, err := builder.NewNetwork(kind)
		if err != nil {
			t.Fatal(err)
		}
		c := Config{Encoder: builder.NetworkConfig{Network: n}}
		all = append(all, keysOf(reflect.ValueOf(&c).Elem())...)
	}
	for _, k := range all {
		if d := k.describe(); d.Doc == "" || d.When == "" {
			t.Errorf("%s: its field needs the tags doc (what it is for) and when (when to change it, or to what: it follows the word \"Change:\")", k.name)
		}
		if text := k.field.Tag.Get("range"); text != "" {
			if r, ok := configkey.ParseRange(text); !ok || r.Least >= r.Most {
				t.Errorf("%s: the range %q cannot be read", k.name, text)
			}
		}
		if list := k.field.Tag.Get("oneof"); list != "" && words[list] == nil {
			t.Errorf("%s: no list %q exists", k.name, list)
		}
	}
}
