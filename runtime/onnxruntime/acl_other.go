//go:build unix && !linux

package onnxruntime

// hasACL reports false: ACLs of this system are not looked at.
func hasACL(string) bool { return false }
