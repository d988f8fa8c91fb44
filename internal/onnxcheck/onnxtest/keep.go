package onnxtest

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// KeepDir names the environment variable with the folder in which tests leave the models that they make, for fullcheck.py. Without it they leave none.
const KeepDir = "CATVAE_ONNX_MODELS"

// Keep leaves a model for ONNX's own checker, in a file that is named after its content.
func Keep(t *testing.T, model []byte) {
	t.Helper()
	dir := os.Getenv(KeepDir)
	if dir == "" {
		return
	}
	name := filepath.Join(dir, fmt.Sprintf("%x.onnx", sha256.Sum256(model)))
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		err = os.WriteFile(name, model, 0o644)
	}
	if err == nil {
		err = os.WriteFile(name+".txt", []byte(t.Name()+"\n"), 0o644)
	}
	if err != nil {
		t.Error(err)
	}
}
