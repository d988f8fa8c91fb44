package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"

	"github.com/catvae/catvae/dataset/internal/reading"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/visible"
)

// ErrData is wrapped by every error that says that a source's content cannot be used: trying again will not help.
var ErrData = errors.New("bad data")

// A FormatError says that a file is broken.
type FormatError struct {
	File   string
	Reason string
	Cause  error // what reading met, or nil
}

func (e *FormatError) Error() string {
	if e.Cause != nil {
		return visible.Line(fmt.Sprintf("dataset: %s: %s: %v", e.File, e.Reason, e.Cause))
	}
	return visible.Line(fmt.Sprintf("dataset: %s: %s", e.File, e.Reason))
}

// Unwrap returns ErrData and the cause.
func (e *FormatError) Unwrap() []error { return []error{ErrData, e.Cause} }

// An UnsupportedError says that a file is valid, but not of a kind that is read here.
type UnsupportedError struct {
	File   string
	Reason string
	Of     error // what settles it, such as [ErrColumns], or nil
}

func (e *UnsupportedError) Error() string {
	return visible.Line(fmt.Sprintf("dataset: %s: %s", e.File, e.Reason))
}

// Unwrap returns ErrData, and Of.
func (e *UnsupportedError) Unwrap() []error { return []error{ErrData, e.Of} }

// A ValueError says that a value is not within the range of the rule for values. It is about one row: the reader continues with
// the next.
type ValueError struct {
	File        string
	Row, Column int         // from 0
	Text        string      // of the file, where it is text
	Value       float64     // the number
	Becomes     float32     // what the rule makes of it
	Values      dist.Values // the rule
}

func (e *ValueError) Error() string {
	number := cmp.Or(e.Text, strconv.FormatFloat(e.Value, 'g', -1, 64))
	return visible.Line(fmt.Sprintf("dataset: %s: row %d, column %d is %s", e.File, e.Row, e.Column, reading.Outside(number, e.Value, e.Becomes, e.Values)))
}

// Unwrap returns ErrData.
func (e *ValueError) Unwrap() error { return ErrData }

// BadRow returns the row, from 0. An error with this method leaves its reader fit to read the rows that follow.
func (e *ValueError) BadRow() int { return e.Row }

// A RowError says that a row cannot be used: a broken picture, a line of another number of values. The reader continues with
// the next.
type RowError struct {
	File   string // with the line, where the file has lines
	Row    int    // from 0
	Reason string
	Cause  error // or nil
}

func (e *RowError) Error() string {
	if e.Cause != nil {
		return visible.Line(fmt.Sprintf("dataset: %s: row %d: %s: %v", e.File, e.Row, e.Reason, e.Cause))
	}
	return visible.Line(fmt.Sprintf("dataset: %s: row %d: %s", e.File, e.Row, e.Reason))
}

// Unwrap returns ErrData and the cause.
func (e *RowError) Unwrap() []error { return []error{ErrData, e.Cause} }

// BadRow returns the row, from 0.
func (e *RowError) BadRow() int { return e.Row }
