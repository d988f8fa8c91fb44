//go:build unix

package onnxruntime

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// maxLinks bounds how many symbolic links a path may have, as the system does.
const maxLinks = 40

// followSafely follows a path from the root, name by name, and checks what it meets: see errUnsafe.
func followSafely(path string) (string, error) { return user{os.Geteuid()}.follow(path) }

// checkFolder reports a folder, without links in its path, that others can write.
func checkFolder(dir string) error { return user{os.Geteuid()}.checkFolder(dir) }

// A user is the one whose rights loaded code has.
type user struct{ uid int }

func (u user) follow(path string) (string, error) {
	at, rest := "/", split(path)
	if err := u.check(at); err != nil {
		return "", err
	}
	for links := 0; len(rest) > 0; {
		next := filepath.Join(at, rest[0]) // at has no links, so ".." is its parent
		rest = rest[1:]
		if err := u.check(next); err != nil {
			return "", err
		}
		target, err := os.Readlink(next)
		if err != nil { // no link
			at = next
			continue
		}
		if links++; links > maxLinks {
			return "", &fs.PathError{Op: "open", Path: path, Err: syscall.ELOOP}
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		rest = append(split(target), rest...)
	}
	return at, nil
}

func (u user) checkFolder(dir string) error {
	info, err := os.Lstat(dir)
	if err == nil && u.shared(dir, info) {
		err = fmt.Errorf("the folder %s can be written by others: %w", dir, errUnsafe)
	}
	return err
}

// split returns the names in a path.
func split(path string) []string {
	return slices.DeleteFunc(strings.Split(path, "/"), func(name string) bool { return name == "" || name == "." })
}

// check reports a link, folder or file that others could exchange or change.
func (u user) check(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if uid := int(info.Sys().(*syscall.Stat_t).Uid); uid != 0 && uid != u.uid && !(ofSystem(path) && uid == hiddenRoot()) {
		return fmt.Errorf("%s belongs to another user (%d): %w", path, uid, errUnsafe)
	}
	link, sticky := info.Mode()&fs.ModeSymlink != 0, info.IsDir() && info.Mode()&fs.ModeSticky != 0
	if !link && !sticky && u.shared(path, info) {
		return fmt.Errorf("%s can be written by others: %w", path, errUnsafe)
	}
	return nil
}

// ofSystem reports whether a path is one of those that root makes on every system.
func ofSystem(path string) bool {
	return filepath.Dir(path) == "/" || strings.HasPrefix(path, "/usr/")
}

// hiddenRoot is who root's files seem to belong to in a user namespace that does not know root, as sandboxes have; -1 elsewhere. The
// files of all other users that the namespace does not know seem to belong to the same one.
var hiddenRoot = sync.OnceValue(func() int {
	overflow, err := os.ReadFile("/proc/sys/kernel/overflowuid")
	if err != nil {
		return -1
	}
	known, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return -1
	}
	return unmapped(strings.TrimSpace(string(overflow)), string(known))
})

// unmapped returns a user's number if no line of a user namespace's map (first number here, first outside, how many) has it, or -1.
func unmapped(uid, uidMap string) int {
	n, err := strconv.ParseUint(uid, 10, 32)
	if err != nil {
		return -1
	}
	for line := range strings.Lines(uidMap) {
		var first, outside, count uint64
		if _, err := fmt.Sscan(line, &first, &outside, &count); err != nil || n >= first && n-first < count {
			return -1
		}
	}
	return int(n)
}

// shared reports whether others can write what is at a path.
func (u user) shared(path string, info fs.FileInfo) bool {
	mode := info.Mode().Perm()
	if mode&0o002 != 0 {
		return true
	}
	return mode&0o020 != 0 && (!u.alone(int(info.Sys().(*syscall.Stat_t).Gid)) || hasACL(path))
}

// localGroup may write below /usr/local on Debian and its relatives. It has no member until an administrator names one.
const localGroup = "staff"

// alone reports whether a group has no member except for root and the user. Only the group of root, the user's private group
// and an empty localGroup are known to be like that.
func (u user) alone(gid int) bool {
	const admin = 80 // macOS: its members may become root
	if gid == 0 || goruntime.GOOS == "darwin" {
		return gid == 0 || gid == admin
	}
	passwd, err := os.ReadFile("/etc/passwd")
	if err != nil {
		return false
	}
	group, err := os.ReadFile("/etc/group")
	return err == nil && privateGroup(u.uid, gid, string(passwd), string(group))
}

// privateGroup reports whether a group is the private one of a user: it has the user's name, is the user's first group, nobody
// else's, and has no other members. An empty localGroup that is nobody's first group counts as private.
func privateGroup(uid, gid int, passwd, group string) bool {
	var name string
	for fields := range table(passwd, 4) {
		owner, first := fields[2] == strconv.Itoa(uid), fields[3] == strconv.Itoa(gid)
		switch {
		case owner && first && name == "":
			name = fields[0]
		case first && fields[2] != "0" && !owner:
			return false
		}
	}
	private := false
	for fields := range table(group, 4) {
		if fields[2] != strconv.Itoa(gid) {
			continue
		}
		private = name != "" && fields[0] == name || fields[0] == localGroup && name == ""
		for member := range strings.SplitSeq(fields[3], ",") {
			if member = strings.TrimSpace(member); member != "" && member != name && member != "root" {
				return false
			}
		}
	}
	return private
}

// table yields the lines of a file such as /etc/passwd that have at least n fields.
func table(text string, n int) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		for line := range strings.Lines(text) {
			if fields := strings.Split(strings.TrimSpace(line), ":"); len(fields) >= n && !yield(fields) {
				return
			}
		}
	}
}
