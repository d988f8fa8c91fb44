package onnxruntime

import "golang.org/x/sys/unix"

// hasACL reports whether a POSIX ACL gives rights at a path to more than its owner and group. Where it lets anybody write, the
// mode's bits of the group say so.
func hasACL(path string) bool {
	n, err := unix.Lgetxattr(path, "system.posix_acl_access", nil)
	return err == nil && n > 0
}
