// Package visibletest holds the names with which everything that speaks of files is tested.
package visibletest

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Names returns texts that steer terminals and logs, by what they do.
func Names() map[string]string {
	return map[string]string{
		"a line break":             "a\nERROR: all is well",
		"a carriage return":        "a\rok",
		"clearing the screen":      "a\x1b[2J\x1b[H",
		"a link (OSC 8)":           "\x1b]8;;http://localhost/\x1b\\a\x1b]8;;\x1b\\",
		"the clipboard (OSC 52)":   "\x1b]52;c;cm0gLXJmIH4=\a",
		"a bell":                   "a\ab",
		"a deletion":               "a\x7f\x7f",
		"C1":                       "a\u009b2J\u0085b",
		"C1 as a byte":             "a\x9b2J",
		"another direction":        "a\u202egnp.exe\u2066b",
		"a separator of lines":     "a\u2028b\u2029c",
		"bytes that are not UTF-8": "a\xff\xfe\xc3(",
		"10 kB":                    strings.Repeat("long\x1b ", 2000),
	}
}

// Check reports an error whose text is not one visible line of at most 3000 bytes.
func Check(err error) error {
	if err == nil {
		return fmt.Errorf("there is no error")
	}
	text := err.Error()
	if len(text) > 3000 {
		return fmt.Errorf("the error has %d bytes: %.300q", len(text), text)
	}
	return Lines(text, "")
}

// Lines reports what is not UTF-8 or not printable in a text, except for the characters of keep.
func Lines(text, keep string) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("the text is not UTF-8: %.3000q", text)
	}
	for i, r := range text {
		if !strconv.IsPrint(r) && !strings.ContainsRune(keep, r) {
			return fmt.Errorf("byte %d is %q in %.3000q", i, r, text)
		}
	}
	return nil
}
