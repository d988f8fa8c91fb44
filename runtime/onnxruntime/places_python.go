package onnxruntime

import (
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"

	"github.com/catvae/catvae/internal/readfile"
)

// pythonFolders are the folders in which pip puts onnxruntime's library: of the Python that this program was installed with, as the wheels of
// clients/python do, of the virtual environment that is active, of the Pythons on PATH, and of the user. They are worked out from where things lie. An interpreter that is asked runs code of its own
// accord: sysconfig.py in the current folder, usercustomize.py, what PYTHONPATH names.
func pythonFolders() (places []Place) {
	var packages []string
	for _, prefix := range pythonPrefixes() {
		packages = append(packages, packageFolders(prefix)...)
	}
	packages = append(packages, userPackages()...)
	seen := map[string]bool{}
	for _, dir := range packages {
		dir = filepath.Join(dir, "onnxruntime", "capi")
		if real, err := filepath.EvalSymlinks(dir); err == nil && !seen[real] {
			seen[real] = true
			places = append(places, Place{Name: "Python package", Where: dir})
		}
	}
	if len(places) == 0 {
		places = []Place{{Name: "Python package", Note: "no Python on PATH has onnxruntime"}}
	}
	return places
}

// pythonPrefixes returns the folders that Python calls sys.prefix and sys.base_prefix, of all Pythons that are looked at.
func pythonPrefixes() (prefixes []string) {
	add := func(all ...string) {
		for _, prefix := range all {
			if prefix = filepath.Clean(prefix); filepath.IsAbs(prefix) && !slices.Contains(prefixes, prefix) {
				prefixes = append(prefixes, prefix)
			}
		}
	}
	if exe, err := executable(); err == nil {
		add(prefixesIn(filepath.Dir(exe))...)
	}
	add(os.Getenv("VIRTUAL_ENV"))
	path, _ := searchPath(os.Getenv("PATH"))
	for _, bin := range path {
		add(prefixesIn(bin)...)
	}
	return prefixes
}

// prefixesIn returns those of the interpreters in a folder.
func prefixesIn(bin string) (prefixes []string) {
	for _, name := range []string{"python3", "python", "python3.exe", "python.exe"} {
		exe := filepath.Join(bin, name)
		if _, err := os.Stat(exe); err != nil {
			continue
		}
		if home, alone := environmentHome(filepath.Dir(bin)); home != "" {
			prefixes = append(prefixes, filepath.Dir(bin))
			if !alone {
				prefixes = append(prefixes, filepath.Dir(home))
			}
			continue
		}
		prefixes = append(append(prefixes, shimmed(bin)...), prefixOf(bin))
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			prefixes = append(prefixes, prefixOf(filepath.Dir(real)))
		}
	}
	return prefixes
}

// prefixOf returns the prefix of an interpreter's folder, which on Windows is the prefix itself.
func prefixOf(bin string) string {
	if goruntime.GOOS == "windows" {
		return bin
	}
	return filepath.Dir(bin)
}

// environmentHome returns the folder of the interpreter that a virtual environment was made with, and whether the environment
// does without its packages; "" where the folder is no virtual environment.
func environmentHome(prefix string) (home string, alone bool) {
	alone = true
	for key, value := range settings(filepath.Join(prefix, "pyvenv.cfg")) {
		switch strings.ToLower(key) {
		case "home":
			home = value
		case "include-system-site-packages":
			alone = !strings.EqualFold(value, "true")
		}
	}
	return home, alone
}

// shimmed returns the Pythons behind a folder of shims, as pyenv, asdf and mise have, the newest first. Which of them a shim
// would start may depend on the current folder.
func shimmed(bin string) []string {
	if filepath.Base(bin) != "shims" {
		return nil
	}
	root := filepath.Dir(bin)
	return append(newest(matching(filepath.Join(root, "versions"), "[0-9]*")), newest(matching(filepath.Join(root, "installs", "python"), "[0-9]*"))...)
}

// packageFolders returns where the packages of a prefix lie.
func packageFolders(prefix string) (dirs []string) {
	if goruntime.GOOS == "windows" {
		return []string{filepath.Join(prefix, "Lib", "site-packages")}
	}
	for _, lib := range []string{"lib", "lib64", "local/lib"} {
		for _, python := range newest(matching(filepath.Join(prefix, lib), "python3*")) {
			dirs = append(dirs, filepath.Join(python, "site-packages"), filepath.Join(python, "dist-packages"))
		}
	}
	return dirs
}

// userPackages returns where `pip install --user` puts packages.
func userPackages() (dirs []string) {
	base := os.Getenv("PYTHONUSERBASE")
	home, err := os.UserHomeDir()
	switch {
	case base != "":
	case goruntime.GOOS == "windows":
		base = filepath.Join(os.Getenv("APPDATA"), "Python")
	case err == nil:
		base = filepath.Join(home, ".local")
		for _, python := range newest(matching(filepath.Join(home, "Library", "Python"), "3.*")) { // macOS
			dirs = append(dirs, filepath.Join(python, "lib", "python", "site-packages"))
		}
	}
	if !filepath.IsAbs(base) {
		return nil
	}
	if goruntime.GOOS == "windows" {
		for _, python := range newest(matching(base, "Python3*")) {
			dirs = append(dirs, filepath.Join(python, "site-packages"))
		}
	}
	return append(dirs, packageFolders(base)...)
}

// settings yields the lines KEY = VALUE of a small file, such as pyvenv.cfg and .npmrc.
func settings(path string) func(yield func(key, value string) bool) {
	return func(yield func(key, value string) bool) {
		text, err := readfile.Bytes(path, 64<<10)
		if err != nil {
			return // it says nothing
		}
		for line := range strings.Lines(string(text)) {
			if key, value, ok := strings.Cut(line, "="); ok && !yield(strings.TrimSpace(key), strings.TrimSpace(value)) {
				return
			}
		}
	}
}
