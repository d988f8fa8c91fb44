package onnxruntime

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	goruntime "runtime"
	"slices"
	"strconv"

	"github.com/catvae/catvae/runtime/backend"
)

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

// matching returns the paths in a folder whose names match a pattern of ours, sorted.
func matching(dir, pattern string) (paths []string) {
	entries, _ := os.ReadDir(dir) // one that cannot be read holds nothing for us
	return matchingIn(dir, entries, pattern)
}

func matchingIn(dir string, entries []os.DirEntry, pattern string) (paths []string) {
	for _, e := range entries {
		if ok, _ := filepath.Match(pattern, e.Name()); ok {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths
}

var versionInName = regexp.MustCompile(`(\d+)\.(\d+)\.(\d+)`)

// versionOf reads a library's version off its name, or the package folder next to it.
func versionOf(path string) string {
	if v := versionInName.FindString(filepath.Base(path)); v != "" {
		return v
	}
	if filepath.Base(filepath.Dir(path)) == "capi" { // a Python package: its metadata lies next to it
		for _, info := range matching(filepath.Join(filepath.Dir(path), "..", ".."), "onnxruntime*.dist-info") {
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

// executable is [os.Executable], except in tests.
var executable = os.Executable

func besideExecutable() []Place {
	exe, err := executable()
	if err != nil {
		return []Place{{Name: "next to the executable", Note: err.Error()}}
	}
	return []Place{{Name: "next to the executable", Where: filepath.Dir(exe)}}
}

// cacheDir returns the folder in the user's cache that [Install] fills.
func cacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err == nil && !filepath.IsAbs(dir) {
		err = fmt.Errorf("%s is a relative path: set HOME or XDG_CACHE_HOME to an absolute one", dir)
	}
	if err != nil {
		return "", fmt.Errorf("onnxruntime: find the user's cache: %w: %w", err, backend.ErrLibrary)
	}
	return filepath.Join(dir, "catvae", "onnxruntime", Version), nil
}

const userCacheName = "user cache"

func userCache() []Place {
	dir, err := cacheDir()
	if err != nil {
		return []Place{{Name: userCacheName, Note: err.Error()}}
	}
	return []Place{{Name: userCacheName, Where: dir}}
}

// systemFolders are where the system's loader looks.
func systemFolders() (places []Place) {
	var dirs []string
	variable, relative := "", 0
	switch goruntime.GOOS {
	case "linux":
		variable = "LD_LIBRARY_PATH"
		dirs, relative = searchPath(os.Getenv("LD_LIBRARY_PATH"))
		dirs = append(dirs, "/usr/local/lib", "/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu")
	case "darwin":
		dirs = []string{"/opt/homebrew/lib", "/usr/local/lib"}
	case "windows":
		variable = "PATH"
		dirs, relative = searchPath(os.Getenv("PATH"))
	}
	for _, dir := range dirs {
		places = append(places, Place{Name: "system", Where: dir})
	}
	if relative > 0 {
		places = append(places, Place{Name: "system", Note: fmt.Sprintf("%s has %d empty or relative entries, which are skipped", variable, relative)})
	}
	return places
}

// newest sorts folders of versions, such as python3.9 and python3.12, the newest first.
func newest(paths []string) []string {
	number := regexp.MustCompile(`\d+`)
	slices.SortStableFunc(paths, func(a, b string) int {
		x, y := number.FindAllString(filepath.Base(a), -1), number.FindAllString(filepath.Base(b), -1)
		return slices.CompareFunc(y, x, func(p, q string) int {
			m, _ := strconv.Atoi(p)
			n, _ := strconv.Atoi(q)
			return m - n
		})
	})
	return paths
}
