//go:build !unix

package onnxruntime

import "os/exec"

// inGroup does nothing: on this system only the command itself is killed, not what it started.
func inGroup(*exec.Cmd) {}
