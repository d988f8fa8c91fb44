package dataset

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/picture"
)

// Passed counts what a folder or a pattern leads to and is no row.
type Passed struct {
	Others int    // files that are no pictures, or of a kind that is not read
	Other  string // one of them
	Hidden int    // files and folders that programs keep for themselves
	Secret string // one of them
}

// String says what was passed over, "" where nothing was.
func (p Passed) String() string {
	var parts []string
	if p.Others > 0 {
		parts = append(parts, counted(p.Others, "file of a kind that is not read as a picture", "files of kinds that are not read as pictures", p.Other))
	}
	if p.Hidden > 0 {
		parts = append(parts, counted(p.Hidden, "hidden file or folder", "hidden files and folders", p.Secret))
	}
	if len(parts) == 0 {
		return ""
	}
	return "passed over: " + strings.Join(parts, "; ")
}

func counted(n int, one, many, such string) string {
	if n == 1 {
		return fmt.Sprintf("1 %s, %s", one, visible.Name(such))
	}
	return fmt.Sprintf("%d %s, such as %s", n, many, visible.Name(such))
}

func (p *Passed) other(name string) {
	p.Other = cmp.Or(p.Other, name)
	p.Others++
}

func (p *Passed) hidden(name string) {
	p.Secret = cmp.Or(p.Secret, name)
	p.Hidden++
}

// clutter are names that file managers and archives leave in folders, next to those that begin with a dot: AppleDouble's ._a.png,
// .DS_Store, .thumbnails.
var clutter = map[string]bool{"__macosx": true, "thumbs.db": true, "ehthumbs.db": true, "desktop.ini": true, "$recycle.bin": true, "system volume information": true, "@eadir": true}

// isHidden reports the name of a file or a folder that holds no rows, whatever it ends in.
func isHidden(name string) bool {
	return strings.HasPrefix(name, ".") || clutter[strings.ToLower(name)]
}

// openPictures opens the pictures below a folder.
func openPictures(ctx context.Context, dir string, o Options) (Reader, error) {
	pictures, passed, err := walkImages(ctx, dir)
	if err != nil {
		return nil, err
	}
	if len(pictures) > 0 {
		return openImages(ctx, dir, dir, pictures, passed, o)
	}
	_, _, err = mnistFiles(dir, o.Split)
	if errors.Is(err, fs.ErrNotExist) && passed.Others > 0 && !strings.Contains(passed.Other, "-ubyte") {
		return nil, fmt.Errorf("dataset: %s holds no %s pictures: %s: convert them, or give one of its files: %w", dir, picture.Names("or"), passed, fs.ErrNotExist)
	}
	return nil, err
}

// walkImages returns the pictures below a folder, by their slash-separated names, and what it passed over.
func walkImages(ctx context.Context, dir string) (names []string, passed Passed, err error) {
	root := filepath.Clean(dir) + string(filepath.Separator) // a link to a folder is followed, which without it would be a file
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(path, root))
		switch {
		case name == "": // the folder itself, which may be called anything
		case isHidden(d.Name()):
			passed.hidden(name)
			if d.IsDir() {
				return fs.SkipDir
			}
		case d.IsDir():
		case picture.Named(name):
			names = append(names, name)
		default:
			passed.other(name)
		}
		return nil
	})
	if err != nil {
		return nil, passed, unreadable(dir, err)
	}
	return names, passed, nil
}

// openPattern opens the pictures that a pattern fits.
func openPattern(ctx context.Context, pattern string, o Options) (Reader, error) {
	names, err := glob(pattern)
	if errors.Is(err, filepath.ErrBadPattern) {
		return nil, fmt.Errorf("dataset: the pattern %q: %w", pattern, err)
	}
	if err != nil {
		return nil, err
	}
	var pictures []string
	var passed Passed
	for _, name := range names {
		if name = filepath.ToSlash(name); picture.Named(name) {
			pictures = append(pictures, name)
		} else {
			passed.other(name)
		}
	}
	if len(pictures) == 0 {
		return nil, fmt.Errorf("dataset: no %s file fits the pattern %s: %w", picture.Names("or"), pattern, fs.ErrNotExist)
	}
	return openImages(ctx, pattern, "", pictures, passed, o)
}
