package onnxruntime

import (
	"errors"
	"fmt"
	"path/filepath"
)

// errUnsafe is wrapped by the errors for files that others could exchange or change. What is loaded runs with the rights of
// the user, so it must lie where nobody else can write:
//
//   - its path is absolute, with every symbolic link followed, those in the middle of the path too
//   - each link, folder and file on the way belongs to root or to the user
//   - others cannot write the file, nor the folder that holds it
//   - others cannot write any folder above, or it has the sticky bit, as /tmp has: then nobody can rename what belongs to others
//
// Others are everybody but root and the user. A group's right to write is others', except for the group of root and for the
// user's own private group, which has the user's name and no other member, and for Debian's staff while it is empty. On Linux, a POSIX ACL that lets anybody write counts as
// others too. In a user namespace that does not know root, /, its folders and what is below /usr may belong to whom it does not know:
// they are root's. ACLs of other systems are not looked at, and on Windows only the first rule holds.
var errUnsafe = errors.New("others could change it")

// safeFile returns a file's path with its links followed, or an error that wraps errUnsafe or says why it cannot be followed.
func safeFile(path string) (string, error) {
	real, err := follow(path)
	if err == nil {
		err = checkFolder(filepath.Dir(real))
	}
	return real, err
}

// safeFolder is safeFile for a folder whose files are to be safe.
func safeFolder(path string) (string, error) {
	real, err := follow(path)
	if err == nil {
		err = checkFolder(real)
	}
	return real, err
}

func follow(path string) (string, error) {
	if !filepath.IsAbs(path) {
		return "", fmt.Errorf("the path is relative: %w", errUnsafe)
	}
	return followSafely(path)
}

// searchPath returns the folders of a list such as PATH that are absolute, and the number of the others, which name places in
// the current folder.
func searchPath(list string) (dirs []string, relative int) {
	for _, dir := range filepath.SplitList(list) {
		if filepath.IsAbs(dir) {
			dirs = append(dirs, dir)
		} else {
			relative++
		}
	}
	return dirs, relative
}
