package onnxruntime

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	goruntime "runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/catvae/catvae/runtime/backend"
	"golang.org/x/sys/cpu"
)

// A Diagnosis is what `catvae doctor` prints: each place that was looked in, what loads, which devices can be used, what
// the processor can do, and the one command that repairs what is wrong.
type Diagnosis struct {
	Places    []Place
	Library   Library
	Version   string // of the loaded library, "" where none loads
	Devices   []DeviceDiagnosis
	Processor []string // the vector extensions that decide how fast graphs run
	Remedy    string   // a command, "" where nothing is wrong
	Err       error    // why onnxruntime cannot be used at all
}

// A DeviceDiagnosis is what was found of a device.
type DeviceDiagnosis struct {
	Device backend.Device
	Err    error   // why it cannot be used, nil where it can
	Files  []Place // the libraries that it needs, those that are missing too
}

// Diagnose looks for everything that running a bundle needs. explicit is a library file to look at before every other place,
// or "". It loads the library that it finds.
func Diagnose(ctx context.Context, explicit string) Diagnosis {
	d := Diagnosis{Processor: processor()}
	d.Library, d.Places, d.Err = FindLibrary(ctx, explicit)
	if d.Err == nil {
		d.load(ctx, explicit)
	}
	for _, p := range providers {
		device := DeviceDiagnosis{Device: p.device, Err: d.Err, Files: p.files()}
		if d.Err == nil {
			_, device.Err = Open(ctx, WithLibrary(explicit), WithDevice(p.device))
		}
		d.Devices = append(d.Devices, device)
	}
	if d.Err != nil && ctx.Err() == nil {
		d.Remedy = "catvae doctor --install"
		if v := LibraryVariable(); v != "" && explicit == "" { // which goes before what is installed
			d.Remedy = "env -u " + v + " " + d.Remedy
		}
	}
	return d
}

// load loads the library that was found.
func (d *Diagnosis) load(ctx context.Context, explicit string) {
	b, err := Open(ctx, WithLibrary(explicit))
	if err != nil {
		d.Err = err
		return
	}
	d.Version = b.Name()
}

// Write prints the diagnosis for people.
func (d Diagnosis) Write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "onnxruntime %s or later is needed (API %d); looked in\n", Version, apiVersion)
	for _, p := range d.Places {
		found := p.Found
		if p.Found == "" || p.Note != "" {
			found = strings.TrimSpace("- " + p.Note)
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\n", p.Name, p.Where, found)
	}
	if d.Version != "" {
		fmt.Fprintf(t, "loads\t%s\t%s\n", d.Version, d.Library.Path)
	}
	d.writeDevices(t)
	fmt.Fprintf(t, "processor\t%s/%s, %d cores: %s\n", goruntime.GOOS, goruntime.GOARCH, goruntime.NumCPU(), strings.Join(d.Processor, " "))
	if d.Remedy != "" {
		fmt.Fprintf(t, "to repair it:\t%s\n", d.Remedy)
	}
	return t.Flush()
}

// writeDevices prints which devices can be used, and what the others lack.
func (d Diagnosis) writeDevices(w io.Writer) {
	var usable []string
	for _, device := range d.Devices {
		if device.Err == nil {
			usable = append(usable, string(device.Device))
		}
	}
	slices.Sort(usable)
	if len(usable) == 0 {
		usable = []string{"none"}
	}
	fmt.Fprintf(w, "execution providers\t%s\n", strings.Join(usable, ", "))
	for _, device := range d.Devices {
		if device.Err != nil && d.Err == nil {
			fmt.Fprintf(w, "%s\tnot available: %s\n", device.Device, strings.ReplaceAll(device.Err.Error(), "\n", " "))
		}
		for _, p := range device.Files {
			found := p.Found
			if found == "" {
				found = "- missing"
			}
			fmt.Fprintf(w, "  %s\t%s\n", p.Name, found)
		}
	}
}

// processor lists the vector extensions that decide how fast graphs run.
func processor() []string {
	var names []string
	for _, f := range []struct {
		name string
		has  bool
	}{
		{"AVX2", cpu.X86.HasAVX2}, {"FMA", cpu.X86.HasFMA}, {"AVX512F", cpu.X86.HasAVX512F},
		{"AVX512VNNI", cpu.X86.HasAVX512VNNI}, {"AVX512BF16", cpu.X86.HasAVX512BF16},
		{"AMX-INT8", cpu.X86.HasAMXInt8}, {"AMX-BF16", cpu.X86.HasAMXBF16},
		{"NEON", cpu.ARM64.HasASIMD}, {"DOTPROD", cpu.ARM64.HasASIMDDP}, {"SVE", cpu.ARM64.HasSVE},
	} {
		if f.has {
			names = append(names, f.name)
		}
	}
	return names
}

var choiceInPattern = regexp.MustCompile(`\[[^]]*\]`)

// lookForShared looks for a shared library in a folder, "" for none, and where the system's loader does. A choice in the pattern of its name, such as
// "[23]", is an x in the place's.
func lookForShared(pattern, folder string) Place {
	p := Place{Name: choiceInPattern.ReplaceAllString(pattern, "x")}
	dirs := append(filepath.SplitList(os.Getenv("LD_LIBRARY_PATH")), folder, "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib")
	for _, dir := range dirs {
		if matches, _ := filepath.Glob(filepath.Join(dir, pattern)); dir != "" && len(matches) > 0 { // our own pattern
			p.Found = matches[0]
			break
		}
	}
	return p
}
