//go:build unix

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A disk follows what a process does beneath a folder, and makes of it what a power cut may leave there: bytes that were
// not synced are lost, and so is each change of a folder that was not synced afterwards, every one or only some.
type disk struct {
	path    string // of the folder
	keep    string // folder with a further link to each file, so that one that was removed can be brought back
	root    *inode
	changes []*change
	inodes  int
	begun   map[string]covered // by thread: of syncs that have begun
	err     error              // the first
}

// An inode is a file or a folder, whatever it is called.
type inode struct {
	entries map[string]*inode // of a folder, now; nil for a file
	before  map[string]*inode // of a folder, when the process began
	kept    string            // link to the file
	size    int64
	synced  int64 // so many bytes last
	dirty   bool  // written since it was synced
}

// A change takes names out of folders and puts names in, all or nothing.
type change struct {
	names   []entry
	pending map[*inode]bool // folders that must be synced before it lasts
}

type entry struct {
	folder *inode
	name   string
	now    *inode // nil: removed
}

// newDisk begins with what is in a folder, all of which lasts.
func newDisk(path, keep string) (*disk, error) {
	if err := os.RemoveAll(keep); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(keep, 0o755); err != nil {
		return nil, err
	}
	d := &disk{path: filepath.Clean(path), keep: keep, begun: map[string]covered{}}
	var err error
	d.root, err = d.read(d.path)
	return d, err
}

func (d *disk) read(dir string) (*inode, error) {
	n := folderInode()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		child := &inode{}
		if e.IsDir() {
			child, err = d.read(path)
		} else {
			var info fs.FileInfo
			if info, err = e.Info(); err == nil {
				child.size, child.synced = info.Size(), info.Size()
				d.link(child, path)
			}
		}
		if err != nil {
			return nil, err
		}
		n.entries[e.Name()], n.before[e.Name()] = child, child
	}
	return n, nil
}

func folderInode() *inode { return &inode{entries: map[string]*inode{}, before: map[string]*inode{}} }

// link keeps a file's bytes. It may come too late; then the file's removal is taken to last.
func (d *disk) link(n *inode, path string) {
	if n.entries != nil || n.kept != "" {
		return
	}
	d.inodes++
	kept := filepath.Join(d.keep, fmt.Sprint(d.inodes))
	if os.Link(path, kept) == nil {
		n.kept = kept
	}
}

// find returns the folder and the last part of a name beneath the disk's folder, and what has that name.
func (d *disk) find(path string) (folder *inode, name string, child *inode) {
	path = filepath.Clean(strings.TrimSuffix(path, " (deleted)"))
	if path == d.path {
		return nil, "", d.root
	}
	rest, ok := strings.CutPrefix(path, d.path+"/")
	if !ok {
		return nil, "", nil
	}
	folder = d.root
	dir, name := filepath.Split(rest)
	for step := range strings.SplitSeq(strings.Trim(dir, "/"), "/") {
		if step == "" {
			continue
		}
		if folder = folder.entries[step]; folder == nil || folder.entries == nil {
			return nil, "", nil
		}
	}
	return folder, name, folder.entries[name]
}

func (d *disk) change(names ...entry) {
	c := &change{names: names, pending: map[*inode]bool{}}
	for _, e := range names {
		c.pending[e.folder] = true
		if e.now == nil {
			delete(e.folder.entries, e.name)
		} else {
			e.folder.entries[e.name] = e.now
		}
	}
	d.changes = append(d.changes, c)
}

// see follows a system call, and reports whether it concerns the folder.
func (d *disk) see(e syscallEvent) bool {
	if e.name == "fsync" || e.name == "fdatasync" {
		return d.sync(e)
	}
	if d.err != nil || e.failed {
		return false
	}
	concerns, err := d.follow(e)
	if err != nil {
		d.err = fmt.Errorf("%w, in %s(%s)", err, e.name, strings.Join(e.args, ", "))
	}
	return concerns
}

func (d *disk) follow(e syscallEvent) (bool, error) {
	arg := func(i int) string {
		if i < len(e.args) {
			return e.args[i]
		}
		return ""
	}
	switch e.name {
	case "write", "pwrite64", "writev", "pwritev", "ftruncate", "copy_file_range", "sendfile":
		return d.written(e, arg)
	}
	if e.begins {
		return false, nil
	}
	switch e.name {
	case "openat":
		return d.open(e, arg(0), arg(1), arg(2))
	case "open":
		return d.open(e, "", arg(0), arg(1))
	case "creat":
		return d.open(e, "", arg(0), "O_CREAT|O_TRUNC")
	case "rename":
		return d.rename(e, "", arg(0), "", arg(1))
	case "renameat2":
		if arg(4) == "RENAME_EXCHANGE" {
			return d.exchange(e, arg(0), arg(1), arg(2), arg(3))
		}
		return d.rename(e, arg(0), arg(1), arg(2), arg(3))
	case "renameat":
		return d.rename(e, arg(0), arg(1), arg(2), arg(3))
	case "unlink", "rmdir":
		return d.unlink(e, "", arg(0))
	case "unlinkat":
		return d.unlink(e, arg(0), arg(1))
	case "mkdir":
		return d.mkdir(e, "", arg(0))
	case "mkdirat":
		return d.mkdir(e, arg(0), arg(1))
	case "link", "linkat":
		return false, errors.New("links are not followed")
	}
	return false, nil
}

func (d *disk) written(e syscallEvent, arg func(int) string) (bool, error) {
	file := arg(0)
	if e.name == "copy_file_range" {
		file = arg(2)
	}
	path, _ := opened(file)
	_, _, n := d.find(path)
	if n == nil || n.entries != nil {
		return false, nil
	}
	n.dirty = true
	switch {
	case e.begins || e.unsure:
	case e.name == "ftruncate":
		var size int64
		if _, err := fmt.Sscan(arg(1), &size); err != nil {
			return true, err
		}
		n.size, n.synced = size, min(n.synced, size)
	case e.name == "pwrite64":
		var at int64
		if _, err := fmt.Sscan(arg(3), &at); err != nil {
			return true, err
		}
		n.size = max(n.size, at+e.value)
	default:
		n.size += e.value
	}
	return true, nil
}

// A covered is what a sync makes last: what was done before it began.
type covered struct {
	file    *inode
	size    int64 // of a file
	changes int   // of a folder
}

// sync makes last what was done before it began, once it has returned.
func (d *disk) sync(e syscallEvent) bool {
	if e.begins {
		path, _ := opened(e.args[0])
		_, _, n := d.find(path)
		if n == nil {
			return false
		}
		n.dirty = false // a write from now on sets it again
		d.begun[e.thread] = covered{n, n.size, len(d.changes)}
		return true
	}
	c, ok := d.begun[e.thread]
	delete(d.begun, e.thread)
	switch {
	case !ok:
	case e.failed || e.unsure:
		c.file.dirty = c.file.synced < c.file.size
	case c.file.entries == nil:
		c.file.synced = c.size
	default:
		for _, x := range d.changes[:c.changes] {
			delete(x.pending, c.file)
		}
	}
	return ok
}

func (d *disk) open(e syscallEvent, folder, file, flags string) (bool, error) {
	if !strings.Contains(flags, "O_CREAT") && !strings.Contains(flags, "O_TRUNC") {
		return false, nil
	}
	path, err := named(folder, file)
	if err != nil {
		return false, err
	}
	dir, name, n := d.find(path)
	if dir == nil || e.unsure && !exists(path) {
		return false, nil
	}
	if n == nil {
		n = &inode{}
		d.change(entry{dir, name, n})
	} else if strings.Contains(flags, "O_TRUNC") {
		n.size, n.synced, n.dirty = 0, 0, true
	}
	d.link(n, path)
	return true, nil
}

func (d *disk) rename(e syscallEvent, folder, file, toFolder, toFile string) (bool, error) {
	from, err := named(folder, file)
	if err != nil {
		return false, err
	}
	to, err := named(toFolder, toFile)
	if err != nil {
		return false, err
	}
	dir, name, n := d.find(from)
	toDir, toName, _ := d.find(to)
	if dir == nil || toDir == nil || n == nil || e.unsure && exists(from) {
		return dir != nil, nil
	}
	d.link(n, to)
	d.change(entry{dir, name, nil}, entry{toDir, toName, n})
	return true, nil
}

// errUnsure says that the process was killed in a call of which nobody can say whether it was done.
var errUnsure = errors.New("the process was killed while two names changed places")

// exchange has two names change places, both or neither.
func (d *disk) exchange(e syscallEvent, folder, file, toFolder, toFile string) (bool, error) {
	from, err := named(folder, file)
	if err != nil {
		return false, err
	}
	to, err := named(toFolder, toFile)
	if err != nil {
		return false, err
	}
	dir, name, n := d.find(from)
	toDir, toName, other := d.find(to)
	if dir == nil || toDir == nil || n == nil || other == nil {
		return false, nil
	}
	if e.unsure {
		return true, errUnsure
	}
	d.change(entry{dir, name, other}, entry{toDir, toName, n})
	return true, nil
}

func (d *disk) unlink(e syscallEvent, folder, file string) (bool, error) {
	path, err := named(folder, file)
	if err != nil {
		return false, err
	}
	dir, name, n := d.find(path)
	if dir == nil || n == nil || e.unsure && exists(path) {
		return dir != nil, nil
	}
	d.change(entry{dir, name, nil})
	return true, nil
}

func (d *disk) mkdir(e syscallEvent, folder, file string) (bool, error) {
	path, err := named(folder, file)
	if err != nil {
		return false, err
	}
	dir, name, n := d.find(path)
	if dir == nil || n != nil || e.unsure && !exists(path) {
		return dir != nil, nil
	}
	d.change(entry{dir, name, folderInode()})
	return true, nil
}

// check compares what was followed with what is there: a trial whose picture of the disk is wrong says nothing.
func (d *disk) check() error {
	if d.err != nil {
		return d.err
	}
	var names []string
	var walk func(n *inode, dir string)
	walk = func(n *inode, dir string) {
		for name, child := range n.entries {
			if child.entries != nil {
				walk(child, dir+name+"/")
			} else {
				names = append(names, dir+name)
			}
		}
	}
	walk(d.root, "")
	slices.Sort(names)
	there, err := files(d.path)
	if slices.Sort(there); err == nil && !slices.Equal(names, there) {
		err = fmt.Errorf("the trace says that the folder holds %v, it holds %v", names, there)
	}
	return err
}

// cut replaces the folder by what is left after a power cut, and says in words what was lost.
func (d *disk) cut(rng *rand.Rand) (lost string, err error) {
	now := map[*inode]map[string]*inode{}
	of := func(n *inode) map[string]*inode {
		if now[n] == nil {
			now[n] = maps.Clone(n.before)
		}
		return now[n]
	}
	share := []float64{0, 0.3, 0.6, 1}[rng.IntN(4)] // of the changes that need not last
	names, bytes := 0, 0
	for _, c := range d.changes {
		if len(c.pending) > 0 && rng.Float64() < share {
			names++
			continue
		}
		for _, e := range c.names {
			if e.now == nil {
				delete(of(e.folder), e.name)
			} else {
				of(e.folder)[e.name] = e.now
			}
		}
	}
	left := d.path + ".cut"
	if err := os.RemoveAll(left); err != nil {
		return "", err
	}
	var write func(n *inode, path string) error
	write = func(n *inode, path string) error {
		if n.entries == nil {
			cut, err := n.write(rng, path)
			if cut {
				bytes++
			}
			return err
		}
		if err := os.Mkdir(path, 0o755); err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(of(n))) {
			if err := write(of(n)[name], filepath.Join(path, name)); err != nil {
				return err
			}
		}
		return nil
	}
	if err := write(d.root, left); err != nil {
		return "", err
	}
	if err := os.RemoveAll(d.path); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d changes of folders and the bytes of %d files lost", names, bytes), os.Rename(left, d.path)
}

// write writes a file as it may be after the cut. What was not synced is cut off, torn, or zeros.
func (n *inode) write(rng *rand.Rand, path string) (cut bool, err error) {
	if n.kept == "" {
		return false, nil
	}
	from, err := os.Open(n.kept)
	if err != nil {
		return false, err
	}
	defer from.Close()
	to, err := os.Create(path)
	if err != nil {
		return false, err
	}
	defer to.Close()
	size, err := io.Copy(to, from)
	if err == nil && n.dirty {
		synced := min(n.synced, size)
		switch rng.IntN(3) {
		case 0: // zeros where bytes were
			if err = to.Truncate(synced); err == nil {
				err = to.Truncate(size)
			}
		case 1:
			err = to.Truncate(synced + rng.Int64N(size-synced+1))
		default:
			err = to.Truncate(synced)
		}
	}
	return n.dirty, errors.Join(err, to.Close())
}
