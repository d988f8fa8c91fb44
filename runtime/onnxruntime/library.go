package onnxruntime

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	goruntime "runtime"
	"strconv"
	"strings"

	"github.com/catvae/catvae/runtime/backend"
)

// Version is the onnxruntime that this program is made for and installs. apiVersion is the least minor version that it
// can load: the one whose headers it was built with.
const (
	Version    = "1.29.0"
	apiVersion = 29
)

// LibraryVariables are the environment variables that name the library's file. The first that is set wins.
var LibraryVariables = []string{"CATVAE_ORT_LIB", "ONNXRUNTIME_SHARED_LIBRARY_PATH"}

// LibraryVariable returns the first of [LibraryVariables] that is set, "" for none.
func LibraryVariable() string {
	for _, name := range LibraryVariables {
		if os.Getenv(name) != "" {
			return name
		}
	}
	return ""
}

// A Library is an onnxruntime library file.
type Library struct {
	Path    string // absolute
	Version string // as its name or its package says, "" when neither does
	Source  string // the place or the download that it comes from
}

// A Place is where [FindLibrary] looked.
type Place struct {
	Name  string // such as "user cache"
	Where string // file, folder or command
	Found string // the library file, "" for none
	Note  string // why a file that is there was passed over, or why the place does not apply
}

// A source is one of the places of [FindLibrary]. Files that are named must be there; the others are looked for.
type source struct {
	name   string
	named  string                            // the file, "" for none
	search func(ctx context.Context) []Place // nil for a file that is named
}

// sources lists the places in the order in which they are looked in.
func sources(explicit string) []source {
	list := []source{{name: explicitLibrary, named: explicit}}
	for _, v := range LibraryVariables {
		list = append(list, source{name: v, named: os.Getenv(v)})
	}
	return append(list, source{search: besideExecutable}, source{search: userCache}, source{search: systemFolders}, source{search: pythonPackage}, source{search: nodePackage})
}

// explicitLibrary is the place of a file that the caller names.
const explicitLibrary = "named by the caller"

// FindLibrary returns the onnxruntime library that will be loaded and every place that it looked in, in order:
//
//  1. explicit, when not empty, then CATVAE_ORT_LIB and ONNXRUNTIME_SHARED_LIBRARY_PATH: a file that must be there
//  2. next to the executable
//  3. the user's cache, where [Install] puts it
//  4. the system's library folders
//  5. an installed Python package onnxruntime, then an installed onnxruntime-node
//
// A library whose version is known and too old is passed over. The error wraps [backend.ErrLibrary], or ctx.Err().
func FindLibrary(ctx context.Context, explicit string) (Library, []Place, error) {
	var places []Place
	for _, s := range sources(explicit) {
		if err := ctx.Err(); err != nil {
			return Library{}, places, fmt.Errorf("onnxruntime: look for the library: %w", err)
		}
		found, err := s.look(ctx)
		places = append(places, found...)
		if err != nil {
			return Library{}, places, err
		}
		for _, p := range found {
			if p.Found != "" && p.Note == "" {
				return Library{Path: p.Found, Version: versionOf(p.Found), Source: p.Name}, places, nil
			}
		}
	}
	if err := ctx.Err(); err != nil { // a command that was asked for its folders was ended
		return Library{}, places, fmt.Errorf("onnxruntime: look for the library: %w", err)
	}
	return Library{}, places, fmt.Errorf("onnxruntime: no onnxruntime %s library was found in %d places: run `catvae doctor --install`, or set CATVAE_ORT_LIB to its file: %w", Version, len(places), backend.ErrLibrary)
}

// look looks in one place.
func (s source) look(ctx context.Context) ([]Place, error) {
	switch {
	case s.search != nil:
		return s.search(ctx), nil
	case s.named == "":
		return []Place{{Name: s.name, Note: "not set"}}, nil
	}
	path, err := filepath.Abs(s.named)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		return []Place{{Name: s.name, Where: s.named, Note: "not there"}},
			fmt.Errorf("onnxruntime: the library file %s (%s): %w: %w", s.named, s.name, err, backend.ErrLibrary)
	}
	return []Place{{Name: s.name, Where: s.named, Found: path}}, nil
}

// fileNames returns what the library's file may be called here, the most exact name first.
func fileNames() []string {
	switch goruntime.GOOS {
	case "windows":
		return []string{"onnxruntime.dll"}
	case "darwin":
		return []string{"libonnxruntime." + Version + ".dylib", "libonnxruntime.*.dylib", "libonnxruntime.dylib"}
	}
	return []string{"libonnxruntime.so." + Version, "libonnxruntime.so.1.*", "libonnxruntime.so.1", "libonnxruntime.so"}
}

// lookIn looks for the library in a folder.
func lookIn(name, dir string) Place {
	p := Place{Name: name, Where: dir}
	for _, pattern := range fileNames() {
		matches, _ := filepath.Glob(filepath.Join(dir, pattern)) // the pattern is ours and well formed
		for _, m := range matches {
			p.Found, p.Note = m, ""
			if v := versionOf(m); v != "" && !suits(v) {
				p.Note = fmt.Sprintf("version %s is too old: 1.%d or later is needed", v, apiVersion)
				continue
			}
			return p
		}
	}
	return p
}

var versionInName = regexp.MustCompile(`(\d+)\.(\d+)\.(\d+)`)

// versionOf reads a library's version off its name, the name that a link leads to, or the package folder next to it.
func versionOf(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if v := versionInName.FindString(filepath.Base(path)); v != "" {
		return v
	}
	if filepath.Base(filepath.Dir(path)) == "capi" { // a Python package: its metadata lies next to it
		infos, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "..", "..", "onnxruntime*.dist-info"))
		for _, info := range infos {
			if v := versionInName.FindString(filepath.Base(info)); v != "" {
				return v
			}
		}
	}
	return ""
}

// suits reports whether this program can load a version: onnxruntime serves older headers, never newer ones.
func suits(version string) bool {
	m := versionInName.FindStringSubmatch(version)
	if m == nil {
		return false
	}
	major, _ := strconv.Atoi(m[1]) // digits by the pattern
	minor, _ := strconv.Atoi(m[2])
	return major == 1 && minor >= apiVersion
}

func besideExecutable(context.Context) []Place {
	exe, err := os.Executable()
	if err != nil {
		return []Place{{Name: "next to the executable", Note: err.Error()}}
	}
	return []Place{lookIn("next to the executable", filepath.Dir(exe))}
}

// cacheDir returns the folder in the user's cache that [Install] fills.
func cacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("onnxruntime: find the user's cache: %w", err)
	}
	return filepath.Join(dir, "catvae", "onnxruntime", Version), nil
}

func userCache(context.Context) []Place {
	dir, err := cacheDir()
	if err != nil {
		return []Place{{Name: "user cache", Note: err.Error()}}
	}
	return []Place{lookIn("user cache", dir)}
}

// systemFolders looks where the system's loader does.
func systemFolders(context.Context) []Place {
	var dirs []string
	switch goruntime.GOOS {
	case "linux":
		dirs = filepath.SplitList(os.Getenv("LD_LIBRARY_PATH"))
		dirs = append(dirs, "/usr/local/lib", "/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu")
	case "darwin":
		dirs = []string{"/opt/homebrew/lib", "/usr/local/lib"}
	case "windows":
		dirs = filepath.SplitList(os.Getenv("PATH"))
	}
	var places []Place
	for _, dir := range dirs {
		if dir != "" {
			places = append(places, lookIn("system", dir))
		}
	}
	return places
}

// pythonPackage asks the interpreters for their package folders, without importing onnxruntime.
func pythonPackage(ctx context.Context) []Place {
	const ask = "import sysconfig, site; print(sysconfig.get_paths()['purelib']); print(site.getusersitepackages())"
	var places []Place
	for _, python := range []string{"python3", "python"} {
		out, err := exec.CommandContext(ctx, python, "-c", ask).Output()
		if err != nil {
			continue
		}
		for _, dir := range strings.Fields(string(out)) {
			places = append(places, lookIn("Python package ("+python+")", filepath.Join(dir, "onnxruntime", "capi")))
		}
	}
	if len(places) == 0 {
		places = []Place{{Name: "Python package", Note: "no Python was found"}}
	}
	return places
}

// nodePackage looks where npm keeps packages, here and globally.
func nodePackage(ctx context.Context) []Place {
	dirs := []string{"node_modules"}
	if out, err := exec.CommandContext(ctx, "npm", "root", "-g").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	arch := map[string]string{"amd64": "x64", "arm64": "arm64"}[goruntime.GOARCH]
	system := map[string]string{"windows": "win32"}[goruntime.GOOS]
	if system == "" {
		system = goruntime.GOOS
	}
	var places []Place
	for _, dir := range dirs {
		for _, api := range []string{"napi-v6", "napi-v3"} {
			places = append(places, lookIn("onnxruntime-node", filepath.Join(dir, "onnxruntime-node", "bin", api, system, arch)))
		}
	}
	return places
}
