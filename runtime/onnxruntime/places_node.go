package onnxruntime

import (
	"os"
	"path/filepath"
	goruntime "runtime"
)

// nodeFolders are the folders in which npm keeps the packages that are installed for all programs (npm install -g). npm is not
// asked: it would read the current folder's settings. Packages in the current folder are not looked at.
func nodeFolders() (places []Place) {
	arch := map[string]string{"amd64": "x64", "arm64": "arm64"}[goruntime.GOARCH]
	system := map[string]string{"windows": "win32"}[goruntime.GOOS]
	if system == "" {
		system = goruntime.GOOS
	}
	seen := map[string]bool{}
	for _, modules := range nodeModules() {
		if !filepath.IsAbs(modules) || seen[modules] {
			continue
		}
		seen[modules] = true
		for _, api := range []string{"napi-v6", "napi-v3"} {
			dir := filepath.Join(modules, "onnxruntime-node", "bin", api, system, arch)
			if _, err := os.Stat(dir); err == nil {
				places = append(places, Place{Name: "onnxruntime-node", Where: dir})
			}
		}
	}
	if len(places) == 0 {
		places = []Place{{Name: "onnxruntime-node", Note: "npm has none that is installed globally"}}
	}
	return places
}

// nodeModules returns the folders that npm may use for global packages.
func nodeModules() (dirs []string) {
	if goruntime.GOOS == "windows" {
		return []string{filepath.Join(os.Getenv("APPDATA"), "npm", "node_modules")}
	}
	prefixes := []string{os.Getenv("npm_config_prefix"), os.Getenv("NPM_CONFIG_PREFIX")}
	if home, err := os.UserHomeDir(); err == nil {
		for key, value := range settings(filepath.Join(home, ".npmrc")) {
			if key == "prefix" {
				prefixes = append(prefixes, os.Expand(value, func(name string) string { // ${HOME}
					if name == "HOME" {
						return home
					}
					return ""
				}))
			}
		}
	}
	path, _ := searchPath(os.Getenv("PATH"))
	for _, bin := range path {
		for _, name := range []string{"node", "npm"} {
			exe := filepath.Join(bin, name)
			if _, err := os.Stat(exe); err != nil {
				continue
			}
			prefixes = append(prefixes, filepath.Dir(bin))
			if real, err := filepath.EvalSymlinks(exe); err == nil {
				prefixes = append(prefixes, filepath.Dir(filepath.Dir(real)))
			}
		}
	}
	for _, prefix := range append(prefixes, "/usr/local") { // Debian's npm
		if filepath.IsAbs(prefix) {
			dirs = append(dirs, filepath.Join(prefix, "lib", "node_modules"))
		}
	}
	return dirs
}
