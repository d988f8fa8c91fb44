package onnxruntime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

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
	Path    string // absolute, with links followed: the file that is loaded
	Version string // as its hash, its name or its package says, "" when none does
	Source  string // the place or the download that it comes from
	SHA256  string // "" where it was not computed: see [FindLibrary]
	Pinned  bool   // SHA256 is one that this program knows
}

// A Place is where [FindLibrary] looked.
type Place struct {
	Name  string // such as "user cache"
	Where string // file or folder
	Found string // the library file, "" for none
	Note  string // why a file that is there was passed over, or why the place does not apply
}

// A source is one of the places of [FindLibrary]: a file that is named and must be there, or folders that may hold one.
type source struct {
	name    string
	named   string         // the file, "" for none
	folders func() []Place // nil for a file that is named; a note says why there is no folder
}

// sources lists the places in the order in which they are looked in.
func sources(explicit string) []source {
	list := []source{{name: explicitLibrary, named: explicit}}
	for _, v := range LibraryVariables {
		list = append(list, source{name: v, named: os.Getenv(v)})
	}
	for _, folders := range []func() []Place{besideExecutable, userCache, systemFolders, pythonFolders, nodeFolders} {
		list = append(list, source{folders: folders})
	}
	return list
}

// explicitLibrary is the place of a file that the caller names.
const explicitLibrary = "named by the caller"

// FindLibrary returns the onnxruntime library that will be loaded and every place that it looked in, in order:
//
//  1. [WithLibrary], then CATVAE_ORT_LIB and ONNXRUNTIME_SHARED_LIBRARY_PATH: a file that must be there
//  2. next to the executable
//  3. the user's cache, where [Install] puts it
//  4. the system's library folders
//  5. an installed Python package onnxruntime, then an installed onnxruntime-node
//
// It runs no other program, and never looks in the current folder. A file that others than root and the user could change, that is
// cut short, or whose version is known and too old is passed over; so is one in the cache, or with [WithPinnedOnly] anywhere,
// whose SHA-256 this program does not know. Where such a file is named, that is an error. Errors wrap
// [backend.ErrLibrary], or are ctx.Err(), those of options, and those of the system, such as too many open files.
func FindLibrary(ctx context.Context, opts ...Option) (Library, []Place, error) {
	o, err := newOptions(opts)
	if err != nil {
		return Library{}, nil, err
	}
	return findLibrary(ctx, o)
}

func findLibrary(ctx context.Context, o options) (Library, []Place, error) {
	var places []Place
	for _, s := range sources(o.library) {
		lib, found, err := s.look(ctx, o)
		places = append(places, found...)
		if ctx.Err() != nil {
			return Library{}, places, fmt.Errorf("onnxruntime: look for the library: %w", ctx.Err())
		}
		if err != nil || lib.Path != "" {
			return lib, places, err
		}
	}
	why := ""
	for _, p := range places {
		if p.Found != "" {
			why += fmt.Sprintf("; %s %s", p.Found, p.Note)
		}
	}
	return Library{}, places, fmt.Errorf("onnxruntime: no onnxruntime %s library was found in %d places: run `%s`, or set CATVAE_ORT_LIB to its file%s: %w", Version, len(places), o.repair(), why, backend.ErrLibrary)
}

// repair is the command that installs a library that these options find.
func (o options) repair() string {
	if o.pinnedOnly && os.Getenv(PinnedOnly) != "1" {
		return "catvae doctor --install --pinned-only"
	}
	return "catvae doctor --install"
}

// look looks in one place. The library is empty where nothing is found that will do.
func (s source) look(ctx context.Context, o options) (lib Library, looked []Place, err error) {
	if s.folders == nil {
		return s.lookAt(ctx, o)
	}
	for _, p := range s.folders() {
		if p.Where != "" && lib.Path == "" {
			lib, err = p.lookIn(ctx, o)
		}
		if looked = append(looked, p); err != nil {
			return Library{}, looked, err
		}
	}
	return lib, looked, nil
}

// lookAt looks at a file that is named.
func (s source) lookAt(ctx context.Context, o options) (Library, []Place, error) {
	if s.named == "" {
		return Library{}, []Place{{Name: s.name, Note: "not set"}}, nil
	}
	path, err := s.named, error(nil)
	if s.name == explicitLibrary { // whoever names a file in a call means the folder that is the current one now
		path, err = filepath.Abs(path)
	}
	var lib Library
	if err == nil {
		lib, err = examine(ctx, path, o)
	}
	switch {
	case errors.Is(err, errUnsafe) && !filepath.IsAbs(path):
		err = fmt.Errorf("%w: write the whole path", err)
	case errors.Is(err, errUnsafe):
		err = fmt.Errorf("%w: take the right to write from them, or copy the library into a folder of your own", err)
	case err == nil:
		lib.Source = s.name
		return lib, []Place{{Name: s.name, Where: s.named, Found: lib.Path}}, nil
	}
	if passing(err) {
		return Library{}, []Place{{Name: s.name, Where: s.named, Note: err.Error()}}, fmt.Errorf("onnxruntime: the library file %s (%s): %w", s.named, s.name, err)
	}
	note := err.Error()
	if errors.Is(err, os.ErrNotExist) {
		note = "not there"
	}
	return Library{}, []Place{{Name: s.name, Where: s.named, Note: note}},
		fmt.Errorf("onnxruntime: the library file %s (%s): %w: %w", s.named, s.name, err, backend.ErrLibrary)
}

// lookIn looks for a library in the place's folder, the most exact name first. It keeps why it passed over what is there.
func (p *Place) lookIn(ctx context.Context, o options) (Library, error) {
	entries, err := os.ReadDir(p.Where)
	if passing(err) {
		return Library{}, fmt.Errorf("onnxruntime: look for the library: %w", err)
	}
	for _, pattern := range fileNames() {
		for _, path := range matchingIn(p.Where, entries, pattern) {
			p.Found, p.Note = path, ""
			lib, err := examine(ctx, path, o)
			switch {
			case passing(err):
				return Library{}, fmt.Errorf("onnxruntime: look at the library %s: %w", path, err)
			case err != nil:
				p.Note = "passed over: " + err.Error()
			case lib.Version != "" && !suits(lib.Version):
				p.Note = fmt.Sprintf("version %s is too old: 1.%d or later is needed", lib.Version, apiVersion)
			default:
				lib.Source = p.Name
				return lib, nil
			}
		}
	}
	return Library{}, nil
}
