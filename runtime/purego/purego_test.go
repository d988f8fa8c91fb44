package purego_test

import (
	"testing"

	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/backendtest"
	"github.com/catvae/catvae/runtime/purego"
)

func TestBackend(t *testing.T) {
	backendtest.Run(t, func(*testing.T) backend.Backend { return purego.New() })
}
