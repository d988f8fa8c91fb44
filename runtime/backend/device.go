package backend

import "fmt"

// A Device is where graphs run.
type Device string

// The devices. Auto is CUDA where it can be had and the CPU elsewhere; Backend.Name says which.
const (
	CPU  Device = "cpu"
	CUDA Device = "cuda"
	Auto Device = "auto"
)

// ParseDevice returns the device of a flag's text.
func ParseDevice(s string) (Device, error) {
	switch d := Device(s); d {
	case CPU, CUDA, Auto:
		return d, nil
	}
	return "", fmt.Errorf("device %q: use %s, %s or %s", s, CPU, CUDA, Auto)
}

// DeviceOf returns the device on which a backend runs its graphs, [CPU] where the backend does not say. A backend says so
// by a method Device.
func DeviceOf(b Backend) Device {
	if d, ok := b.(interface{ Device() Device }); ok {
		return d.Device()
	}
	return CPU
}
