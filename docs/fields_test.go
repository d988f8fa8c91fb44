package docs_test

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/bundle/writer"
	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/train"
)

// fields lists the JSON names of a type's fields and of the types within it.
func fields(t reflect.Type, seen map[reflect.Type]bool) (names []string) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return fields(t.Elem(), seen)
	case reflect.Struct:
	default:
		return nil
	}
	if seen[t] {
		return nil
	}
	seen[t] = true
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || name == "" {
			continue
		}
		names = append(append(names, name), fields(f.Type, seen)...)
	}
	return names
}

// The pages name every field of what is written to disk, as `field`, `object.field` or `field.part`.
func TestFieldsOnDisk(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		page  string
		types []any
	}{
		{"bundle.md", []any{bundle.Manifest{}}},
		{"run.md", []any{train.Record{}, train.Checkpoint{}, writer.Verification{}}},
	} {
		text, err := os.ReadFile(c.page)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range c.types {
			names := fields(reflect.TypeOf(v), map[reflect.Type]bool{})
			if len(names) < 5 {
				t.Fatalf("%T has only the fields %v", v, names)
			}
			for _, name := range names {
				if !regexp.MustCompile("`([a-z_]+\\.)?" + name + "(\\.[a-z_]+)?`").Match(text) {
					t.Errorf("docs/%s does not name the field %q of %T", c.page, name, v)
				}
			}
		}
	}
}

// The page of bundles lists what graphs say of themselves.
func TestMetadataOnPage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("bundle.md")
	if err != nil {
		t.Fatal(err)
	}
	m := bundle.Manifest{Latent: bundle.Latent{Kind: "categorical", Variables: 3, Categories: 4}}
	for _, file := range []string{bundle.EncoderFile, bundle.ThresholdFile, bundle.DecoderFile} {
		for key := range m.Metadata(file) {
			if !strings.Contains(string(text), "`"+key+"`") {
				t.Errorf("docs/bundle.md does not list the metadata %q of %s", key, file)
			}
		}
	}
}

// The bytes of the page's examples are those of package codes.
func TestPackedExamples(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("bundle.md")
	if err != nil {
		t.Fatal(err)
	}
	categorical := func(categories ...int) []uint8 {
		bits := make([]uint8, 4*len(categories))
		for v, k := range categories {
			bits[4*v+k] = 1
		}
		return bits
	}
	var packed [][]byte
	for _, c := range []struct {
		bits []uint8
		page string
	}{
		{[]uint8{1, 0, 1, 1, 0, 0, 0, 0, 1, 1}, `0xb0 +0xc0`},
		{categorical(2, 0, 3), `0x28 +0x10`},
		{categorical(2, 1, 3), `0x24 +0x10`},
	} {
		got, err := codes.Pack(nil, c.bits, len(c.bits))
		if err != nil {
			t.Fatal(err)
		}
		packed = append(packed, got)
		words := strings.Fields(strings.ReplaceAll(c.page, "+", ""))
		if want := strings.Fields(fmt.Sprintf("%#02x %#02x", got[0], got[1])); len(got) != 2 || !reflect.DeepEqual(words, want) {
			t.Errorf("%v packs to %#x, the page says %v", c.bits, got, words)
		}
		if !regexp.MustCompile(c.page).Match(text) {
			t.Errorf("docs/bundle.md lacks the bytes %s", c.page)
		}
	}
	if d := codes.Distance(packed[1], packed[2]); d != 2 || !bytes.Contains(text, []byte("the Hamming distance is 2")) {
		t.Errorf("the distance is %d, the page says 2", d)
	}
}
