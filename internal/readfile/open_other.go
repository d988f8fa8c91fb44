//go:build !unix

package readfile

// nonBlocking is nothing where an open does not wait.
const nonBlocking = 0
