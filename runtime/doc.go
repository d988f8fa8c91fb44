// Package runtime opens a bundle and runs it.
package runtime
