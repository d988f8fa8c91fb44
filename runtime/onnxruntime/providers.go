package onnxruntime

import (
	"fmt"
	goruntime "runtime"

	"github.com/catvae/catvae/runtime/backend"
)

// A provider is one of onnxruntime's execution providers: what runs graphs on a device. Each is a row of providers and a
// file of its own. Nothing else asks which device it is.
type provider struct {
	device backend.Device
	// join puts the provider into the options of a session, in front of those that are there; nil where it always is. Its
	// error says why the provider cannot be used.
	join func(o *sessionOptions, chosen options) error
	// signals says that the provider's libraries install signal handlers of their own: see keepSignalHandlers.
	signals bool
	// stepsPerCall is what [backend.StepsPerCall] gives: 1 where graphs run on the tensors' own memory, more where each run
	// copies them to the device and back.
	stepsPerCall int
	// libraries are the shared libraries that the provider loads, by operating system, as patterns of file names.
	libraries map[string][]string
	folder    string // where its installer puts them, next to the folders that the system's loader looks in
	// install is what to do where the provider cannot be used.
	install string
}

// missing is the error for a device whose provider cannot be used.
func (p *provider) missing(why error) error {
	return fmt.Errorf("onnxruntime: %s: %w: %s, or choose another device; `catvae doctor` lists what is missing: %w", p.device, backend.ErrDevice, p.install, why)
}

// files looks for the libraries that the provider loads.
func (p *provider) files() []Place {
	var places []Place
	for _, pattern := range p.libraries[goruntime.GOOS] {
		places = append(places, lookForShared(pattern, p.folder))
	}
	return places
}
