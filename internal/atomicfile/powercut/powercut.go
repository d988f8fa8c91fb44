// Package powercut says, for tests, what a power cut could leave behind.
//
// A [Disk] follows the steps that package atomicfile reports. It knows the worst that a disk may do: bytes that were not
// synced are lost, a name may last though what it stands for does not, and a later name may last where an earlier one does
// not. So these must hold at every rename, and are reported where they do not:
//
//   - All files below the renamed one were synced after they were last written, and all folders after their last new name.
//   - The folders above were made durable.
//   - What was renamed before in the same folder was made durable: a record never lasts longer than what it records.
package powercut

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/catvae/catvae/internal/atomicfile"
)

// A Disk keeps what is durable below a folder.
type Disk struct {
	root string

	mu     sync.Mutex
	synced map[string]bool // by path: bytes of a file, names of a folder
	names  map[string]bool // names that are not durable
	faults []string
	count  int
}

// Watch follows what happens below root until the test ends, which then fails for each fault.
func Watch(t *testing.T, root string) *Disk {
	t.Helper()
	d := &Disk{root: filepath.Clean(root), synced: map[string]bool{}, names: map[string]bool{}}
	stop := atomicfile.Watch(d.Step)
	t.Cleanup(func() {
		stop()
		for _, fault := range d.Faults() {
			t.Error("a power cut: " + fault)
		}
	})
	return d
}

// Faults returns what a power cut could have spoiled, and forgets it.
func (d *Disk) Faults() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	faults := d.faults
	for name := range d.names {
		if !atomicfile.Unfinished(filepath.Base(name)) && exists(name) {
			faults = append(faults, name+" was not made durable")
		}
	}
	d.faults, d.names = nil, map[string]bool{}
	return faults
}

// Renames returns how many files and folders got their names.
func (d *Disk) Renames() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count
}

// Step takes a step into account.
func (d *Disk) Step(op atomicfile.Op) {
	path := filepath.Clean(op.Path)
	if path != d.root && !d.below(path, d.root) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch op.Kind {
	case atomicfile.Created:
		d.name(path)
	case atomicfile.Written:
		d.synced[path] = false
	case atomicfile.Synced:
		d.synced[path] = true
		for name := range d.names {
			if filepath.Dir(name) == path {
				delete(d.names, name)
			}
		}
	case atomicfile.Renamed:
		d.rename(path, filepath.Clean(op.To))
	}
}

// name notes a new name in a folder.
func (d *Disk) name(path string) {
	d.names[path] = true
	d.synced[filepath.Dir(path)] = false
}

func (d *Disk) rename(from, to string) {
	d.count++
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !d.synced[path] {
			d.fault("%s gets its name before %s is synced", to, path)
		}
		return err
	})
	if err != nil {
		d.fault("%s: %v", from, err)
	}
	for dir := filepath.Dir(to); d.below(dir, d.root); dir = filepath.Dir(dir) {
		if d.names[dir] && !atomicfile.Unfinished(filepath.Base(dir)) {
			d.fault("%s gets its name before that of %s is durable", to, dir)
		}
	}
	for name := range d.names {
		if filepath.Dir(name) == filepath.Dir(to) && name != to && !atomicfile.Unfinished(filepath.Base(name)) && exists(name) {
			d.fault("%s gets its name before that of %s is durable", to, name)
		}
	}
	for path, synced := range d.synced {
		if path == from || d.below(path, from) {
			delete(d.synced, path)
			d.synced[to+strings.TrimPrefix(path, from)] = synced
		}
	}
	delete(d.names, from)
	d.name(to)
}

func (d *Disk) fault(format string, args ...any) {
	d.faults = append(d.faults, fmt.Sprintf(format, args...))
}

func (d *Disk) below(path, dir string) bool {
	return strings.HasPrefix(path, dir+string(filepath.Separator))
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
