package main

import (
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/catvae/catvae/cmd/internal/cli"
)

// A failure is an error that has come through a runner. A runner keeps only an error's text, so exit code and message
// travel in it.
type failure struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (f *failure) Error() string { return f.Message }

// marked returns an error with a text that can be found again in the runner's own error.
func marked(err error) error {
	data, failed := json.Marshal(failure{cli.Code(err), cli.OneLine(err)})
	if failed != nil {
		return err
	}
	return fmt.Errorf("catvae<%s>catvae", data)
}

var mark = regexp.MustCompile(`catvae<(\{.*?\})>catvae`)

// found returns the failure in a runner's error, or the error itself where no worker caused it.
func found(err error) error {
	m := mark.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	f := &failure{}
	if json.Unmarshal([]byte(m[1]), f) != nil {
		return err
	}
	return f
}
