package picture

import (
	"errors"

	"github.com/catvae/catvae/internal/visible"
)

// ErrBad is wrapped by every error that says that a picture cannot be used: trying again will not help.
var ErrBad = errors.New("bad picture")

// An Error says what is wrong with a picture.
type Error struct {
	Reason        string
	Cause         error // what decoding met, or nil
	Height, Width int   // of a picture of another size than the rule's, which does not resize; else 0
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return visible.Line("picture: " + e.Reason + ": " + e.Cause.Error())
	}
	return visible.Line("picture: " + e.Reason)
}

// Unwrap returns ErrBad and the cause.
func (e *Error) Unwrap() []error { return []error{ErrBad, e.Cause} }
