package dataset

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/catvae/catvae/picture"
)

// The sources that are no path.
const (
	Stdin        = "-"      // standard input
	GlyphsSource = "glyphs" // drawn on the fly
)

// A Kind is a kind of source: a row of the table that [Kinds] returns. Help texts and documents are made from the table.
type Kind struct {
	Form  string // as it is written
	Short string // in a few words, for help
	Doc   string // a sentence

	fits func(source string, info fs.FileInfo, o Options) (bool, error) // info is nil where there is no such file
	open func(ctx context.Context, source string, o Options) (Reader, error)
}

// Kinds returns the table of sources.
func Kinds() []Kind {
	pictures := namesOfPictures()
	return []Kind{
		{
			Form: "FILE", Short: fmt.Sprintf("%s file (plain or in gzip or zstd), %s file, %s picture", names("or", isPacked), names("or", plain), pictures),
			Doc: "A file. Its format is recognised by its first bytes; that of a picture by its name, or by them.",
			fits: func(source string, info fs.FileInfo, _ Options) (bool, error) {
				return info != nil && !info.IsDir() && !isWord(source), nil
			}, open: openPath,
		},
		{
			Form: "FILE:NAME", Short: "a part of a file as FILE:NAME",
			Doc: "One of the things that a file holds: " + membersDoc() + ".",
			fits: func(source string, info fs.FileInfo, _ Options) (bool, error) {
				_, _, ok := cutMember(source)
				return ok && info == nil, nil
			},
			open: openMember,
		},
		{
			Form: "FOLDER (MNIST)", Short: "folder with MNIST's four files",
			Doc: "A folder with MNIST's files under their names, plain or in gzip or zstd; it has a training and a test split, and labels.",
			fits: func(source string, info fs.FileInfo, o Options) (bool, error) {
				if info == nil || !info.IsDir() || isWord(source) {
					return false, nil
				}
				_, _, err := mnistFiles(source, o.Split)
				if errors.Is(err, fs.ErrNotExist) {
					return false, nil
				}
				return err == nil, err
			},
			open: openMNIST,
		},
		{
			Form: "FOLDER (pictures)", Short: "folder of pictures",
			Doc: fmt.Sprintf("A folder with %s pictures at any depth, in the order of their names, which are the rows' ids. Hidden files are passed over, and what else is no picture.", pictures),
			fits: func(source string, info fs.FileInfo, _ Options) (bool, error) {
				return info != nil && info.IsDir() && !isWord(source), nil
			}, open: openPictures,
		},
		{
			Form: "'PATTERN*.png'", Short: "pattern of pictures such as 'DIR/*.png'",
			Doc: "The pictures that a pattern of path/filepath.Match fits. Quote it, so that the shell leaves it alone.",
			fits: func(source string, info fs.FileInfo, _ Options) (bool, error) {
				return info == nil && strings.ContainsAny(source, "*?["), nil
			},
			open: openPattern,
		},
		{
			Form: Stdin, Short: "- for standard input",
			Doc:  "Standard input: any of the files except pictures. What is not streamed is kept in a temporary file.",
			fits: func(source string, _ fs.FileInfo, _ Options) (bool, error) { return source == Stdin, nil }, open: openStdin,
		},
		{
			Form: GlyphsSource, Short: "glyphs for generated digits",
			Doc:  "Digits of 28x28 pixels, drawn on the fly with the Go fonts; they have a training and a test split, and labels.",
			fits: func(source string, _ fs.FileInfo, _ Options) (bool, error) { return source == GlyphsSource, nil }, open: openGlyphs,
		},
	}
}

// isWord reports a source that is no path.
func isWord(source string) bool { return source == Stdin || source == GlyphsSource }

// Describe names all kinds of sources in one sentence, for help.
func Describe() string {
	var short []string
	for _, k := range Kinds() {
		short = append(short, k.Short)
	}
	return strings.ToUpper(short[0][:1]) + enumerate("or", short)[1:]
}

func open(ctx context.Context, source string, o Options) (Reader, error) {
	var info fs.FileInfo
	if !isWord(source) {
		var err error
		if info, err = exists(source); err != nil {
			return nil, err
		}
	}
	for _, k := range Kinds() {
		fits, err := k.fits(source, info, o)
		if err != nil {
			return nil, err
		}
		if fits {
			return k.open(ctx, source, o)
		}
	}
	return nil, fmt.Errorf("dataset: %q: %w", source, fs.ErrNotExist)
}

// Files returns the files that hold a source's rows and labels, none for pictures in a folder, for a pipe, and for what is no
// path. It opens none of them.
func Files(source string, split Split) []string {
	info, err := os.Stat(source)
	switch path, _, member := cutMember(source); {
	case isWord(source):
	case err != nil && member:
		return []string{path}
	case err != nil:
	case info.IsDir():
		if images, labels, err := mnistFiles(source, cmp.Or(split, Train)); err == nil {
			return []string{images, labels}
		}
	case info.Mode().IsRegular():
		return []string{source}
	}
	return nil
}

// cutMember takes "file.npz:member" apart: the last colon behind the end of a name that files with several things have, which gzip or zstd
// may have packed.
func cutMember(source string) (path, member string, ok bool) {
	for i := len(source) - 1; i > 0; i-- {
		if source[i] != ':' {
			continue
		}
		plain := source[:i]
		for _, packed := range []string{".gz", ".zst"} {
			plain = strings.TrimSuffix(plain, packed)
		}
		if slices.ContainsFunc(Formats(), func(f Format) bool { return f.Member != "" && f.called(plain) }) {
			return source[:i], source[i+1:], true
		}
	}
	return "", "", false
}

// openMember opens "FILE:NAME".
func openMember(ctx context.Context, source string, o Options) (Reader, error) {
	path, member, _ := cutMember(source)
	o.Member = member
	return openPath(ctx, path, o)
}

// membersDoc says what FILE:NAME names: "an array of NPZ, a field of JSON lines or a column of Parquet".
func membersDoc() string {
	var parts []string
	for _, f := range Formats() {
		if f.Member != "" {
			parts = append(parts, fmt.Sprintf("%s of %s (%s)", f.Member, f.Name, f.Ends[0]))
		}
	}
	return enumerate("or", parts)
}

// openMNIST opens the images and labels of a split of MNIST.
func openMNIST(ctx context.Context, dir string, o Options) (Reader, error) {
	images, labels, err := mnistFiles(dir, o.Split)
	if err != nil {
		return nil, err
	}
	return openLabelled(ctx, images, labels, o)
}

// mnistFiles returns the paths of a split's files, under the names in use, plain or in gzip or zstd.
func mnistFiles(dir string, split Split) (images, labels string, err error) {
	images, err1 := findMNIST(dir, split, "images-idx3")
	labels, err2 := findMNIST(dir, split, "labels-idx1")
	return images, labels, cmp.Or(err1, err2)
}

// findMNIST returns the path of one of MNIST's files.
func findMNIST(dir string, split Split, kind string) (string, error) {
	stem := map[Split]string{Train: "train", Test: "t10k"}[split]
	for _, name := range []string{stem + "-" + kind + "-ubyte", stem + "-" + strings.Replace(kind, "-", ".", 1) + "-ubyte"} {
		for _, suffix := range []string{"", ".gz"} {
			path := filepath.Join(dir, name+suffix)
			if info, err := exists(path); info != nil || err != nil {
				return path, err
			}
		}
	}
	return "", fmt.Errorf("dataset: %s holds no %s-%s-ubyte (or .gz), and no %s files: give a file, a folder of pictures, or a folder with MNIST's four files: %w", dir, stem, kind, namesOfPictures(), fs.ErrNotExist)
}

// openPath opens a file: a picture by its name, anything else by its first bytes.
func openPath(ctx context.Context, path string, o Options) (Reader, error) {
	if picture.Named(path) {
		return openPicture(ctx, path, o)
	}
	s, err := openStream(ctx, path)
	if err != nil {
		return nil, err
	}
	if s.pipe {
		return openPipe(ctx, s, o)
	}
	if head, err := s.peek(16); err == nil && picture.Is(head) { // whatever it is called
		s.Close()
		return openPicture(ctx, path, o)
	}
	f := s.from.(*File) // what is no pipe is one
	return sniff(s, func() (*File, error) {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, f.Broken("it cannot be read", err)
		}
		return f, nil
	}, o)
}

// openStdin reads standard input.
func openStdin(ctx context.Context, _ string, o Options) (Reader, error) {
	in := o.Stdin
	if in == nil {
		in = os.Stdin
	}
	s, err := newPipe(ctx, "standard input", in, io.NopCloser(nil))
	if err != nil {
		return nil, err
	}
	return openPipe(ctx, s, o)
}

// openPipe reads what can only be read once. What must be read twice, to count its rows, is kept in a temporary file.
func openPipe(ctx context.Context, s *stream, o Options) (Reader, error) {
	return sniff(s, func() (*File, error) { return keep(ctx, s, o.Keep) }, o)
}
