package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/catvae/catvae/internal/visible"
)

// npyHeader is what the header of an NPY file says. It is a Python dictionary of three entries, of which numpy reads what Python's
// literals may be: in any order, with blanks or without, with the L of Python 2 behind whole numbers.
type npyHeader struct {
	descr   string // such as "<f4"
	records bool   // values are records of several fields, whose types descr does not have
	fortran bool   // the first index varies fastest
	shape   []int
}

// readNPYHeader reads a header of at most 64 KiB, of the versions 1 to 3.
func readNPYHeader(s *stream) (h npyHeader, raw []byte, err error) {
	head, err := s.Peek(12)
	if err != nil {
		return h, nil, s.broken("it ends in its header", err)
	}
	from, size := 10, int64(binary.LittleEndian.Uint16(head[8:]))
	switch version := head[6]; {
	case version == 2 || version == 3:
		from, size = 12, int64(binary.LittleEndian.Uint32(head[8:]))
	case version != 1:
		return h, nil, &UnsupportedError{File: s.name, Reason: fmt.Sprintf("it is NPY of version %d: versions 1 to 3 are read: save it by numpy.save", version)}
	}
	if size > 1<<16 {
		return h, nil, &FormatError{File: s.name, Reason: fmt.Sprintf("its header claims %d bytes", size)}
	}
	raw = make([]byte, int64(from)+size)
	if _, err := io.ReadFull(s, raw); err != nil {
		return h, nil, s.broken("it ends in its header", err)
	}
	if h, err = parseNPYHeader(string(raw[from:])); err != nil {
		return h, nil, &FormatError{File: s.name, Reason: "its NPY header cannot be read", Cause: err}
	}
	return h, raw, nil
}

// parseNPYHeader reads the dictionary.
func parseNPYHeader(text string) (h npyHeader, err error) {
	p := &literal{rest: text}
	seen := map[string]bool{}
	p.want("{")
	for p.err == nil && !p.take("}") {
		key := p.text()
		if seen[key] {
			p.fail("%q comes twice", key)
		}
		seen[key] = true
		p.want(":")
		switch key {
		case "descr":
			if p.next() == '[' {
				h.records = true
				p.skipList()
			} else {
				h.descr = p.text()
			}
		case "fortran_order":
			switch {
			case p.take("True"):
				h.fortran = true
			case !p.take("False"):
				p.fail("fortran_order is neither True nor False")
			}
		case "shape":
			h.shape = p.tuple()
		default:
			p.fail("it has the entry %q", key)
		}
		if !p.take(",") && p.next() != '}' {
			p.fail("a comma is missing before %q", p.rest)
		}
	}
	if p.err == nil && strings.Trim(p.rest, " \t\r\n\x00") != "" {
		p.fail("%q follows it", p.rest)
	}
	if p.err == nil && len(seen) != 3 {
		p.fail("it needs descr, fortran_order and shape")
	}
	return h, p.err
}

// A literal reads Python's literals from a text, and keeps the first error.
type literal struct {
	rest string
	err  error
}

func (p *literal) fail(format string, args ...any) {
	if p.err == nil {
		for i, a := range args {
			if text, ok := a.(string); ok {
				args[i] = visible.Name(text[:min(len(text), 40)])
			}
		}
		p.err = fmt.Errorf(format, args...)
	}
}

// next returns the next character that is no blank, 0 at the end.
func (p *literal) next() byte {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	if p.rest == "" {
		return 0
	}
	return p.rest[0]
}

// take passes over a word, if it is the next.
func (p *literal) take(word string) bool {
	p.next()
	rest, ok := strings.CutPrefix(p.rest, word)
	if ok && p.err == nil {
		p.rest = rest
	}
	return ok && p.err == nil
}

func (p *literal) want(word string) {
	if !p.take(word) {
		p.fail("%q stands where %q is wanted", p.rest, word)
	}
}

// text reads a string in either kind of quotes, of Python 2 or 3. No string of a header has escapes.
func (p *literal) text() string {
	if c := p.next(); c == 'u' || c == 'b' {
		p.rest = p.rest[1:]
	}
	quote := p.next()
	if quote != '\'' && quote != '"' {
		p.fail("%q stands where a text is wanted", p.rest)
		return ""
	}
	text, rest, ok := strings.Cut(p.rest[1:], string(quote))
	if !ok || strings.ContainsAny(text, "\\\n") {
		p.fail("the text %q does not end", p.rest)
		return ""
	}
	p.rest = rest
	return text
}

// tuple reads whole numbers in brackets. One alone has a comma behind it.
func (p *literal) tuple() (numbers []int) {
	numbers = []int{}
	p.want("(")
	for p.err == nil && !p.take(")") {
		p.next()
		end := strings.TrimLeft(p.rest, "0123456789")
		n, err := strconv.Atoi(p.rest[:len(p.rest)-len(end)])
		if err != nil {
			p.fail("its shape has %q", p.rest)
			return nil
		}
		if p.rest = end; strings.HasPrefix(end, "L") {
			p.rest = end[1:]
		}
		numbers = append(numbers, n)
		if comma := p.take(","); !comma && (p.next() != ')' || len(numbers) == 1) {
			p.fail("its shape has %q", p.rest)
		}
		if len(numbers) > 64 {
			p.fail("its shape has more than 64 dimensions")
		}
	}
	return numbers
}

// skipList passes over a list, whatever is in it.
func (p *literal) skipList() {
	for depth := 0; p.err == nil; {
		switch c := p.next(); c {
		case 0:
			p.err = errors.New("a list does not end")
		case '\'', '"':
			p.text()
		case '[', '(', '{':
			depth++
			p.rest = p.rest[1:]
		case ']', ')', '}':
			p.rest = p.rest[1:]
			if depth--; depth == 0 {
				return
			}
		default:
			p.rest = p.rest[1:]
		}
	}
}
