package infer

import (
	"fmt"
	"io"
	"strings"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/packing"
)

// Words returns the words and texts that the tables give to command lines, by name: modes, codes, formats and texts are the
// words of a flag, separated by commas; those that end in _help, and sources, are help texts.
func Words() map[string]string {
	all, docs := codesOf()
	return map[string]string{
		"sources":            dataset.Describe(),
		"modes":              strings.Join(modes(), ","),
		"modes_help":         enumerate("or", modes()),
		"codes":              strings.Join(all, ","),
		"codes_help":         enumerate("or", docs),
		"formats":            strings.Join(append([]string{string(Auto)}, formatNames(nil)...), ","),
		"formats_help":       fmt.Sprintf("%s; %s is by the output's name, %s for standard output", enumerate("or", formatNames(nil)), Auto, CSV),
		"binarizations_help": enumerate("or", dataset.Binarizations()),
		"texts":              strings.Join(texts, ","),
		"texts_help":         enumerate("or", texts),
		"text_formats":       enumerate("and", textFormats()),
	}
}

func formatIsText(name Format) bool {
	f, _ := formatNamed(name)
	return f.text
}

func textFormats() (names []string) {
	for _, f := range formats {
		if f.text {
			names = append(names, string(f.name))
		}
	}
	return names
}

// enumerate joins words, the last by a word: "npy, csv or jsonl".
func enumerate(last string, words []string) string {
	if n := len(words) - 1; n > 0 {
		return strings.Join(words[:n], ", ") + " " + last + " " + words[n]
	}
	return strings.Join(words, "")
}

// WriteFormats writes docs/formats.md: the sources and formats that are read, and what is written.
func WriteFormats(w io.Writer) error {
	var b strings.Builder
	b.WriteString(`# What is read and written

Made from the tables in dataset and cmd/internal/infer by go generate ./cmd/internal/infer; do not edit.

## Sources

` + "`--data` of `catvae train`, `eval` and `export`, and `--in` of `infer`, `infer-beam`, `catvae encode` and `decode`" + ` name a source:

| source | what it is |
| --- | --- |
`)
	for _, k := range dataset.Kinds() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", k.Form, k.Doc)
	}
	b.WriteString(`
## Formats of files

| format | recognised by: it | rows | in gzip or zstd | from standard input |
| --- | --- | --- | --- | --- |
`)
	for _, f := range dataset.Formats() {
		gzip, piped := "no", "kept in a temporary file"
		if f.Packed {
			gzip = "yes"
		}
		if f.Picture() {
			piped = "no"
		} else if f.Streamed() {
			piped = "streamed"
		}
		fmt.Fprintf(&b, "| [%s](%s) | %s | %s | %s | %s |\n", f.Name, f.Spec, f.Mark, f.Rows, gzip, piped)
	}
	b.WriteString(`
A picture's format is that of its content, whatever the file is called. [preprocessing.md](preprocessing.md) says how it becomes a row.
A folder's hidden files and folders are passed over (also ` + "`__MACOSX`, `Thumbs.db`" + ` and the like), and so are files that are no pictures; the
summary counts them. A pattern finds hidden files where it names the dot.

A picture's file has up to 64 MiB, and so have all files together that are read at once. Decoding, turning grey and resizing take up to
128 MiB more, for all callers together: a picture that needs more is a bad row that says how much. That is some 50 million pixels of a usual JPEG file, 15 million of a
progressive one, 26 million of a PNG file in colour and 14 million of one with 16 bits; half as many where a PNG file is interlaced.

What is kept of standard input needs room in ` + "`TMPDIR`" + `, up to 64 GiB. The file has no name (except on Windows): nothing is left of
it, however the program ends. A file must not change while it is read.

A number becomes the same value whatever type it has in a file. Training divides all numbers by ` + "`data.divide`" + `, or by what it finds from all
of its rows: 255 for pictures and for whole numbers from 0 to 255 of which one is 128 or more, 1 for numbers within [0,1]. What else it finds
is an error that says which number to set. The manifest keeps the divisor, and nobody looks at a file again to find one: values out of [0,1],
and fractions where the training rows were whole numbers above 1, make a row bad. ` + "`infer --divide N`" + ` divides by N instead. Bundles of older
versions divide bytes by 255 and other numbers by 1, and ` + "`--divide`" + ` is for the others.

## What is made

| ` + "`--mode`" + ` | ` + "`--codes`" + ` | result | values |
| --- | --- | --- | --- |
`)
	for _, p := range products {
		codes := "-"
		if p.mode == Encode {
			codes = "`" + string(p.codes) + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", p.mode, codes, p.name, p.doc)
	}
	b.WriteString(`
## Formats of output

| ` + "`--format`" + ` | names that end in | packed codes | anything else |
| --- | --- | --- | --- |
`)
	cell := func(s string) string {
		switch {
		case s == "":
			return "-"
		case strings.HasPrefix(s, "{"):
			return "`" + s + "`"
		}
		return s
	}
	for _, f := range formats {
		others := cell(f.others)
		if f.mode != nil {
			others = f.holding() + ": " + others
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.name, strings.Join(f.ends, ", "), cell(f.codes), others)
	}
	fmt.Fprintf(&b, `
An id is the row's number from 0, or a picture's path. `+"`--format auto` goes by the output's name: it means `%s` where the name has no end, and `%s` for standard output, `--out -`. Any other\nend, such as `.json`, is a mistake (exit 64) unless `--format` says what is meant."+`
`, NPY, CSV)
	for _, p := range packing.All() {
		fmt.Fprintf(&b, "A file whose name ends in `%s` after that is packed by %s, unless its format packs by itself: `codes.csv%s`.\n", p.End, p.Name, p.End)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
