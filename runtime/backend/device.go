package backend

import (
	"fmt"
	"slices"
	"strings"
)

// A Device is where graphs run.
type Device string

// The devices. Auto is no device: it asks for the fastest that is there. [DeviceOf] says which that is.
const (
	CPU  Device = "cpu"
	CUDA Device = "cuda"
	Auto Device = "auto"
)

// devices is what [ParseDevice] takes, in the order in which help texts name them.
var devices = []string{string(CPU), string(CUDA), string(Auto)}

// Devices returns the names that [ParseDevice] takes.
func Devices() []string { return slices.Clone(devices) }

// ParseDevice returns the device of a name. Another name is an [ErrDevice].
func ParseDevice(name string) (Device, error) {
	if !slices.Contains(devices, name) {
		return "", fmt.Errorf("backend: there is no device %q, use one of %s: %w", name, strings.Join(devices, ", "), ErrDevice)
	}
	return Device(name), nil
}

// DeviceOf returns the device on which a backend runs its graphs, [CPU] where the backend does not say. A backend says so
// by a method Device.
func DeviceOf(b Backend) Device {
	if d, ok := b.(interface{ Device() Device }); ok {
		return d.Device()
	}
	return CPU
}
