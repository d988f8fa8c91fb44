package onnxruntime

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"text/tabwriter"

	"github.com/catvae/catvae/runtime/backend"
	"golang.org/x/sys/cpu"
)

// A Diagnosis is what `catvae doctor` prints: each place that was looked in, what loads, what the processor and the CUDA
// libraries are, and the one command that mends what is wrong.
type Diagnosis struct {
	Places    []Place
	Library   Library
	Version   string // of the loaded library, "" where none loads
	CUDA      error  // why CUDA cannot be used, nil where it can
	Processor []string
	CUDAFiles []Place
	Remedy    string // a command, "" where nothing is wrong
	Err       error  // why onnxruntime cannot be used on the CPU
}

// Diagnose looks for everything that running a bundle needs. It loads the library that it finds.
func Diagnose(explicit string) Diagnosis {
	d := Diagnosis{Processor: processor(), CUDAFiles: cudaFiles()}
	if d.Library, d.Places, d.Err = FindLibrary(explicit); d.Err != nil {
		d.Remedy = "catvae doctor --install"
		return d
	}
	loaded, err := Open(WithLibrary(explicit))
	if err != nil {
		d.Err, d.Remedy = err, "catvae doctor --install"
		if strings.HasSuffix(d.Library.Source, "_LIB") || strings.HasSuffix(d.Library.Source, "_PATH") { // a variable comes before what is installed
			d.Remedy = "env -u " + d.Library.Source + " " + d.Remedy
		}
		return d
	}
	d.Version = loaded.Name()
	_, d.CUDA = Open(WithLibrary(explicit), WithDevice(backend.CUDA))
	return d
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
	providers := "none"
	switch {
	case d.Version != "" && d.CUDA == nil:
		providers = "cpu, cuda"
	case d.Version != "":
		providers = "cpu"
	}
	fmt.Fprintf(t, "execution providers\t%s\n", providers)
	if d.CUDA != nil {
		fmt.Fprintf(t, "cuda\tnot available: %s\n", strings.ReplaceAll(d.CUDA.Error(), "\n", " "))
	}
	for _, p := range d.CUDAFiles {
		found := p.Found
		if found == "" {
			found = "- missing"
		}
		fmt.Fprintf(t, "  %s\t%s\n", p.Name, found)
	}
	fmt.Fprintf(t, "processor\t%s/%s, %d cores: %s\n", goruntime.GOOS, goruntime.GOARCH, goruntime.NumCPU(), strings.Join(d.Processor, " "))
	if d.Remedy != "" {
		fmt.Fprintf(t, "to mend it:\t%s\n", d.Remedy)
	}
	return t.Flush()
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

// cudaFiles looks for the libraries that onnxruntime's CUDA provider loads.
func cudaFiles() []Place {
	if goruntime.GOOS != "linux" {
		return nil
	}
	dirs := append(filepath.SplitList(os.Getenv("LD_LIBRARY_PATH")), "/usr/local/cuda/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib")
	var places []Place
	for _, stem := range []string{"libcuda.so.1", "libcudart.so.1[23]", "libcublas.so.1[23]", "libcublasLt.so.1[23]", "libcufft.so.1[12]", "libcurand.so.10", "libnvrtc.so.1[23]", "libcudnn.so.9"} {
		p := Place{Name: strings.NewReplacer("[23]", "x", "[12]", "x").Replace(stem)}
		for _, dir := range dirs {
			if matches, _ := filepath.Glob(filepath.Join(dir, stem)); dir != "" && len(matches) > 0 { // our own pattern
				p.Found = matches[0]
				break
			}
		}
		places = append(places, p)
	}
	return places
}
