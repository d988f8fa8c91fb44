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

	"github.com/catvae/catvae/internal/cores"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/runtime/backend"
	"golang.org/x/sys/cpu"
)

// A Diagnosis is what `catvae doctor` prints: each place that was looked in, what loads, which devices can be used, what
// the processor can do, and the one command that repairs what is wrong.
type Diagnosis struct {
	Places    []Place
	Library   Library // its SHA256 is computed
	Version   string  // of the loaded library, "" where none loads
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

// Diagnose looks for everything that running a bundle needs, as [Open] with the same options would. It loads the library that it
// finds.
func Diagnose(ctx context.Context, opts ...Option) Diagnosis {
	d := Diagnosis{Processor: processor()}
	o, err := newOptions(opts)
	if err != nil {
		d.Err = err
		return d
	}
	o.hash = true
	if d.Library, d.Places, d.Err = findLibrary(ctx, o); d.Err == nil {
		d.load(ctx, opts)
	}
	for _, p := range providers {
		device := DeviceDiagnosis{Device: p.device, Err: d.Err, Files: p.files()}
		if d.Err == nil {
			_, device.Err = Open(ctx, append(slices.Clip(opts), WithDevice(p.device))...)
		}
		d.Devices = append(d.Devices, device)
	}
	if ctx.Err() == nil && (d.Err != nil || d.damaged()) {
		d.Remedy = o.repair()
		if v := LibraryVariable(); v != "" && o.library == "" { // which goes before what is installed
			d.Remedy = "env -u " + v + " " + d.Remedy
		}
	}
	return d
}

// load loads the library that was found.
func (d *Diagnosis) load(ctx context.Context, opts []Option) {
	b, err := Open(ctx, opts...)
	if err != nil {
		d.Err = err
		return
	}
	d.Version = b.Name()
}

// damaged reports whether the library in the user's cache was passed over.
func (d *Diagnosis) damaged() bool {
	return slices.ContainsFunc(d.Places, func(p Place) bool { return p.Name == userCacheName && p.Found != "" && p.Note != "" })
}

// Write prints the diagnosis for people.
func (d Diagnosis) Write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "onnxruntime %s or later is needed (API %d); looked in\n", Version, apiVersion)
	for _, p := range d.Places {
		fmt.Fprintf(t, "  %s\t%s\t%s\n", p.Name, visible.Text(p.Where), p.result())
	}
	if d.Version != "" {
		fmt.Fprintf(t, "loads\t%s\t%s\n", d.Version, visible.Text(d.Library.Path))
	}
	if d.Library.SHA256 != "" {
		pinned := "no"
		if d.Library.Pinned {
			pinned = "yes"
		}
		fmt.Fprintf(t, "SHA-256\t%s\tpinned: %s\n", d.Library.SHA256, pinned)
	}
	d.writeDevices(t)
	fmt.Fprintf(t, "processor\t%s/%s, %d cores of %d: %s\n", goruntime.GOOS, goruntime.GOARCH, cores.Count(), goruntime.NumCPU(), strings.Join(d.Processor, " "))
	if d.Remedy != "" {
		fmt.Fprintf(t, "to repair it:\t%s\n", d.Remedy)
	}
	return t.Flush()
}

// result says what came of a place.
func (p Place) result() string {
	switch {
	case p.Found != "" && p.Note != "":
		return "- " + visible.Text(filepath.Base(p.Found)) + ": " + p.Note
	case p.Found == "":
		return strings.TrimSpace("- " + p.Note)
	}
	return visible.Text(p.Found)
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
			if p.Found == "" {
				p.Note = "missing"
			}
			fmt.Fprintf(w, "  %s\t%s\n", p.Name, p.result())
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
// "[23]", is an x in the place's. A note says that others could change what would be loaded.
func lookForShared(pattern, folder string) Place {
	p := Place{Name: choiceInPattern.ReplaceAllString(pattern, "x")}
	dirs, _ := searchPath(os.Getenv("LD_LIBRARY_PATH"))
	for _, dir := range append(dirs, folder, "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib") {
		if found := matching(dir, pattern); dir != "" && len(found) > 0 {
			p.Found = found[0]
			if _, err := safeFile(p.Found); err != nil {
				p.Note = err.Error()
			}
			break
		}
	}
	return p
}
