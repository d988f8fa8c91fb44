// Package codefile reads files of packed codes in every format in which infer writes them, with the rows' ids.
package codefile

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/codes/parquet"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/packing"
	"github.com/catvae/catvae/internal/readfile"
	"github.com/catvae/catvae/internal/visible"
)

// Codes are the codes of a file.
type Codes struct {
	Source string
	Bytes  int      // of a code
	Packed []byte   // row after row
	IDs    []string // nil where the file has none: a row is then called by its number
}

// Len returns the number of codes.
func (c *Codes) Len() int { return len(c.Packed) / c.Bytes }

// ID returns what a row is called.
func (c *Codes) ID(row int) string {
	if c.IDs == nil {
		return strconv.Itoa(row)
	}
	return c.IDs[row]
}

// part matches the names of parts in a folder that infer has written.
var part = regexp.MustCompile(`^part-\d{5}-of-(\d{5})\.[a-z]+$`)

// Read reads the codes of a file, or of a folder with all its parts. The format is recognised by content. text says how codes are
// written in CSV, TSV and JSON lines: bits, hex, or auto, which takes digits 0 and 1 alone for bits. Errors wrap dataset.ErrData, or
// are the system's. A pipe, which can be read once only, holds an array of bytes as NPY.
func Read(ctx context.Context, path, text string) (*Codes, error) {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		return numbers(ctx, path)
	}
	if err != nil || !info.IsDir() {
		return read(ctx, path, text)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	all, parts, of := &Codes{Source: path}, 0, ""
	for _, e := range entries { // in the order of their names
		m := part.FindStringSubmatch(e.Name())
		if m == nil {
			continue
		}
		c, err := read(ctx, filepath.Join(path, e.Name()), text)
		if err != nil {
			return nil, err
		}
		if parts > 0 && (c.Bytes != all.Bytes || m[1] != of || (c.IDs == nil) != (all.IDs == nil)) {
			return nil, fmt.Errorf("%s holds parts of several runs: %w", path, dataset.ErrData)
		}
		all.Bytes, of = c.Bytes, m[1]
		all.Packed, all.IDs = append(all.Packed, c.Packed...), append(all.IDs, c.IDs...)
		parts++
	}
	if n, _ := strconv.Atoi(of); parts == 0 || parts != n {
		return nil, fmt.Errorf("%s holds %d of %d parts: name a file of codes, or a folder in which infer has made them all: %w", path, parts, n, dataset.ErrData)
	}
	return all, nil
}

func read(ctx context.Context, path, text string) (*Codes, error) {
	if path == dataset.Stdin || strings.Contains(path, ".npz:") {
		return numbers(ctx, path)
	}
	f, err := readfile.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<16)
	head := begin(r)
	p, packed := packing.Of(head)
	if packed {
		z, err := p.Unpack(r)
		if err != nil {
			return nil, bad(path, err)
		}
		r = bufio.NewReaderSize(z, 1<<16)
	}
	c := &Codes{Source: path}
	switch head = begin(r); {
	case bytes.HasPrefix(head, []byte("PAR1")) && !packed:
		c.IDs, c.Packed, c.Bytes, err = parquet.Read(ctx, f)
	case bytes.HasPrefix(bytes.TrimLeft(head, " \t\r\n"), []byte("{")):
		err = c.lines(r, text)
	case isTable(head):
		err = c.table(r, text)
	default: // an array, packed or not, which package dataset opens again
		return numbers(ctx, path)
	}
	if err == nil && c.Bytes == 0 {
		err = errors.New("it holds no codes")
	}
	if err != nil {
		return nil, bad(path, err)
	}
	return c, nil
}

func begin(r *bufio.Reader) []byte {
	head, _ := r.Peek(4096) // what is wrong is met again when it is read
	return head
}

// bad is the error for content that is wrong, or what the system says.
func bad(path string, err error) error {
	if readfile.System(err) {
		return fmt.Errorf("%s: %w", path, err)
	}
	return visible.Error(fmt.Errorf("%s: %w: %w", path, err, dataset.ErrData))
}

// numbers reads codes as bytes.
func numbers(ctx context.Context, path string) (*Codes, error) {
	set, err := dataset.Load(ctx, path, dataset.Options{})
	if err != nil {
		return nil, err
	}
	if len(set.Shape) != 1 || set.DType != "uint8" {
		return nil, fmt.Errorf("%s holds %s rows of shape %v: packed codes are uint8 [rows, bytes], or a table with the columns id and code, as infer writes them: %w", path, set.DType, set.Shape, dataset.ErrData)
	}
	c := &Codes{Source: path, Bytes: set.RowSize()}
	for i := range set.Len() {
		c.Packed = append(c.Packed, set.Bytes(i)...)
	}
	return c, nil
}

// isTable reports text that begins with a header of infer's.
func isTable(head []byte) bool {
	line, _, _ := strings.Cut(string(head), "\n")
	return header(strings.TrimSuffix(line, "\r"), ',') != nil || header(strings.TrimSuffix(line, "\r"), '\t') != nil
}

// header returns the fields of a first line that has the column code.
func header(line string, comma rune) []string {
	r := csv.NewReader(strings.NewReader(line))
	r.Comma = comma
	fields, err := r.Read()
	if err != nil || !slices.Contains(fields, "code") {
		return nil
	}
	return fields
}

// table reads CSV or TSV with the columns id and code.
func (c *Codes) table(r *bufio.Reader, text string) error {
	in := csv.NewReader(r)
	line, _, _ := strings.Cut(string(begin(r)), "\n")
	if header(strings.TrimSuffix(line, "\r"), ',') == nil {
		in.Comma = '\t'
	}
	fields, err := in.Read()
	if err != nil {
		return err
	}
	code, id := slices.Index(fields, "code"), slices.Index(fields, "id")
	in.ReuseRecord = true
	var written []string
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return c.parse(written, text)
		}
		if err != nil {
			return err
		}
		written = append(written, strings.Clone(record[code]))
		if id >= 0 {
			c.IDs = append(c.IDs, strings.Clone(record[id]))
		}
	}
}

// lines reads objects with the keys id and code.
func (c *Codes) lines(r *bufio.Reader, text string) error {
	in := json.NewDecoder(r)
	in.UseNumber()
	var written []string
	for {
		var row struct {
			ID   any
			Code *string
		}
		err := in.Decode(&row)
		if errors.Is(err, io.EOF) {
			return c.parse(written, text)
		}
		if err == nil && row.Code == nil {
			err = fmt.Errorf("row %d has no code", len(written))
		}
		if err != nil {
			return err
		}
		written = append(written, *row.Code)
		if row.ID != nil {
			c.IDs = append(c.IDs, fmt.Sprint(row.ID))
		}
		if len(c.IDs) != 0 && len(c.IDs) != len(written) {
			return fmt.Errorf("row %d has no id, or another has none", len(written)-1)
		}
	}
}

// parse packs codes that are written as text.
func (c *Codes) parse(written []string, text string) (err error) {
	if len(written) == 0 {
		return errors.New("it holds no codes")
	}
	digit := func(r rune) bool { return r != '0' && r != '1' }
	hex := text == "hex" || text != "bits" && slices.ContainsFunc(written, func(s string) bool { return strings.ContainsFunc(s, digit) })
	bits, parse := len(written[0]), codes.ParseBits
	if hex {
		bits, parse = 4*len(written[0]), codes.ParseHex
	}
	if bits == 0 {
		return errors.New("row 0 has an empty code")
	}
	for row, s := range written {
		if c.Packed, err = parse(c.Packed, s, bits); err != nil {
			return fmt.Errorf("row %d: %w", row, err)
		}
	}
	c.Bytes = codes.Bytes(bits)
	return nil
}
