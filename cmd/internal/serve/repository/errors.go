package repository

import "errors"

var (
	// ErrUnknown is the error for a model or version that is not there.
	ErrUnknown = errors.New("unknown model")
	// ErrName is wrapped by the error for names that two bundles want, or that are none.
	ErrName = errors.New("unsuitable name")
)
