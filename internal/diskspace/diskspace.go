// Package diskspace says how much room a disk has left.
package diskspace

// Free returns the bytes that a user may still write to the disk of a folder, and false where that is not known: a full disk is
// then told by the write that meets it.
func Free(dir string) (bytes int64, known bool) { return free(dir) }
