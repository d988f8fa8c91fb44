package repository

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/rundir"
)

// A place is where a version of a bundle lies.
type place struct{ name, version, dir string }

// firstVersion is the version of a bundle whose folder has none.
const firstVersion = "1"

// newer orders versions, numbers all: the newest first.
func newer(a, b string) int {
	x, _ := strconv.ParseUint(a, 10, 64)
	y, _ := strconv.ParseUint(b, 10, 64)
	switch {
	case x > y:
		return -1
	case x < y:
		return 1
	}
	return strings.Compare(a, b)
}

// isVersion reports a folder's name that is a version: a number from 1 up, without zeros before it.
func isVersion(name string) bool {
	n, err := strconv.ParseUint(name, 10, 63)
	return err == nil && n > 0 && strconv.FormatUint(n, 10) == name
}

// ValidName reports a name that a model may have: letters, digits, dots, hyphens and underscores, as it stands in URLs.
func ValidName(name string) bool {
	ok := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("._-", c)
	}
	return name != "" && len(name) <= 100 && name[0] != '.' && !strings.ContainsFunc(name, func(c rune) bool { return !ok(c) })
}

// places returns where bundles lie, by name, the newest version first.
func (r *Repository) places() (map[string][]place, error) {
	found := map[string][]place{}
	if r.o.Folder != "" {
		entries, err := os.ReadDir(r.o.Folder)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if dir := filepath.Join(r.o.Folder, e.Name()); isFolder(dir) && ValidName(e.Name()) {
				found[e.Name()] = versionsIn(e.Name(), dir)
			}
		}
	}
	for name, dir := range r.o.Bundles {
		found[name] = versionsIn(name, dir)
	}
	return found, nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path) // links are followed: volumes are made of them
	return err == nil && info.IsDir()
}

// versionsIn returns the versions in a bundle's folder: the folders in it that are numbers, or else it is one itself.
func versionsIn(name, dir string) (list []place) {
	if _, err := os.Stat(filepath.Join(dir, bundle.ManifestFile)); err != nil {
		entries, _ := os.ReadDir(dir) // where it cannot be read there are no versions
		for _, e := range entries {
			if isVersion(e.Name()) && isFolder(filepath.Join(dir, e.Name())) {
				list = append(list, place{name, e.Name(), rundir.BundleOf(filepath.Join(dir, e.Name()))})
			}
		}
	}
	if len(list) == 0 {
		return []place{{name, firstVersion, rundir.BundleOf(dir)}}
	}
	slices.SortFunc(list, func(a, b place) int { return newer(a.version, b.version) })
	return list
}

// Sync makes what is served what lies in the folders: it loads what is new or has changed, and lets go of what is gone. It returns what
// could not be loaded; what was served in its place still is.
func (r *Repository) Sync(ctx context.Context) error {
	r.loading.Lock()
	defer r.loading.Unlock()
	found, err := r.places()
	if err != nil {
		return fmt.Errorf("the folder of models: %w", err)
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if !r.away[name] {
			errs = append(errs, r.sync(ctx, name, found[name], false))
		}
	}
	for name := range r.slots {
		if _, there := found[name]; !there {
			r.drop(name, nil)
			delete(r.slots, name)
		}
	}
	r.publish()
	return errors.Join(errs...)
}

// sync brings one bundle's versions up to date, the newest first, until as many are live as are served. loading is held.
func (r *Repository) sync(ctx context.Context, name string, found []place, force bool) error {
	versions := r.slots[name]
	if versions == nil {
		versions = map[string]*slot{}
		r.slots[name] = versions
	}
	var errs []error
	live := map[string]bool{}
	for _, p := range found {
		if r.o.Versions > 0 && len(live) == r.o.Versions {
			break
		}
		s := versions[p.version]
		if s == nil {
			s = &slot{}
			versions[p.version] = s
		}
		if err := r.refresh(ctx, s, p, force); err != nil {
			errs = append(errs, err)
		}
		if s.live != nil {
			live[p.version] = true
		}
	}
	var gone []*Bundle
	for version, s := range versions {
		there := slices.ContainsFunc(found, func(p place) bool { return p.version == version })
		if live[version] || there && s.reason != nil && s.live == nil {
			continue
		}
		if s.live != nil {
			gone = append(gone, s.live)
		}
		delete(versions, version)
	}
	r.publish() // before the old ones go
	for _, b := range gone {
		r.retire(b)
	}
	return errors.Join(errs...)
}

// refresh loads a version where its folder has changed, or where force says so. What was live stays so where that fails.
func (r *Repository) refresh(ctx context.Context, s *slot, p place, force bool) error {
	now := signature(p.dir)
	if s.tried && now == s.signature && !force {
		return nil
	}
	b, err := r.loadNamed(ctx, p)
	if err != nil {
		err = fmt.Errorf("%s, version %s: %w", p.name, p.version, err)
		if ctx.Err() == nil {
			s.tried, s.signature, s.reason = true, now, err
			r.o.Log.Error("a bundle cannot be loaded", "bundle", p.name, "version", p.version, "reason", err, "served_still", s.live != nil)
		}
		return err
	}
	old := s.live
	s.live, s.tried, s.signature, s.reason = b, true, now, nil
	r.o.Log.Info("loaded", "bundle", p.name, "version", p.version, "hash", b.Hash, "backend", b.model.Backend(), "variant", b.model.Variant(), "batches", b.models[0].lanes[b.models[0].Input.Datatype].Max())
	r.publish()
	if old != nil {
		r.retire(old)
	}
	return nil
}

// loadNamed loads a bundle, unless another has a model of one of its names.
func (r *Repository) loadNamed(ctx context.Context, p place) (*Bundle, error) {
	mine := Names(p.name)
	for other := range r.slots {
		if other == p.name {
			continue
		}
		for _, name := range Names(other) {
			if slices.Contains(mine, name) {
				return nil, fmt.Errorf("%w: the model %s would be of this bundle and of %s: rename one", ErrName, name, other)
			}
		}
	}
	return r.load(ctx, p.name, p.version, p.dir)
}

// drop lets go of all versions of a bundle, and says why. loading is held.
func (r *Repository) drop(name string, why error) {
	var gone []*Bundle
	for _, s := range r.slots[name] {
		if s.live != nil {
			gone = append(gone, s.live)
		}
		s.live, s.tried, s.reason = nil, false, why
	}
	r.publish()
	for _, b := range gone {
		r.retire(b)
	}
}

// Load loads a bundle again, or for the first time, whatever is live. The error is that of its newest version.
func (r *Repository) Load(ctx context.Context, name string) error {
	r.loading.Lock()
	defer r.loading.Unlock()
	found, err := r.places()
	if err != nil {
		return fmt.Errorf("the folder of models: %w", err)
	}
	list, ok := found[name]
	if !ok {
		return r.unknown(name, found)
	}
	delete(r.away, name)
	return r.sync(ctx, name, list, true)
}

// unknown says that there is no such bundle, and which one a name is a part of.
func (r *Repository) unknown(name string, found map[string][]place) error {
	for bundle := range found {
		if slices.Contains(Names(bundle), name) {
			return fmt.Errorf("%w: %s is a part of the bundle %s: load or unload that", ErrUnknown, name, bundle)
		}
	}
	return fmt.Errorf("%w %.100q: there is no such bundle", ErrUnknown, name)
}

// Unload lets go of a bundle until it is loaded by [Repository.Load]. Its requests end first.
func (r *Repository) Unload(name string) error {
	r.loading.Lock()
	defer r.loading.Unlock()
	if r.slots[name] == nil {
		found, err := r.places()
		if err != nil {
			return err
		}
		return r.unknown(name, found)
	}
	r.away[name] = true
	r.drop(name, errUnloaded)
	return nil
}
