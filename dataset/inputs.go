package dataset

import (
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"github.com/catvae/catvae/picture"
)

// Inputs returns every file that holds something of a source, with its name: of both splits, pictures too, and what standard
// input is. It opens none of them. Whoever writes a file asks it first, so as not to overwrite one.
func Inputs(source string) iter.Seq2[string, fs.FileInfo] {
	return func(yield func(string, fs.FileInfo) bool) {
		file := func(path string) bool {
			info, err := os.Stat(path)
			return err != nil || yield(path, info)
		}
		switch source {
		case GlyphsSource:
			return
		case Stdin:
			if info, err := os.Stdin.Stat(); err == nil {
				yield("standard input", info)
			}
			return
		}
		info, err := os.Stat(source)
		if path, _, member := cutMember(source); err != nil && member {
			file(path)
			return
		}
		switch {
		case err != nil:
			paths, _ := glob(source) // opening it says why not
			for _, path := range paths {
				if !file(path) {
					return
				}
			}
		case !info.IsDir():
			yield(source, info)
		default:
			for _, split := range []Split{Train, Test} {
				for _, path := range Files(source, split) {
					if !file(path) {
						return
					}
				}
			}
			_ = filepath.WalkDir(filepath.Clean(source)+string(filepath.Separator), func(path string, d fs.DirEntry, err error) error {
				if err == nil && !d.IsDir() && picture.Named(path) && !file(path) {
					return fs.SkipAll
				}
				return nil
			})
		}
	}
}
