package infer_test

import (
	"archive/zip"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/datatest"
	"github.com/catvae/catvae/runtime/onnxruntime"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
)

// An output never takes the place of what the run reads, also under force: everything stays as it was.
func TestApart(t *testing.T) {
	t.Parallel()
	model := writeModel(t, dist.Bernoulli, 11, 0)
	for _, c := range []struct {
		name, in, out string // below the folder that make fills
		job           infer.Job
		make          func(t *testing.T, dir string)
	}{
		{name: "the source", in: "a.npy", out: "a.npy"},
		{name: "the source, in parts", in: "a.npy", out: "a.npy", job: infer.Job{PartRows: 20}},
		{name: "a link to the source", in: "a.npy", out: "link.npy", make: func(t *testing.T, dir string) { link(t, "a.npy", dir+"/link.npy") }},
		{name: "the source by a link", in: "link.npy", out: "a.npy", make: func(t *testing.T, dir string) { link(t, "a.npy", dir+"/link.npy") }},
		{name: "a hard link to the source", in: "a.npy", out: "twin.npy", make: func(t *testing.T, dir string) { hardLink(t, dir+"/a.npy", dir+"/twin.npy") }},
		{name: "the source by a hard link, in parts", in: "twin.npy", out: "a.npy", job: infer.Job{PartRows: 20}, make: func(t *testing.T, dir string) { hardLink(t, dir+"/a.npy", dir+"/twin.npy") }},
		{name: "the source by another spelling", in: "a.npy", out: "model/../a.npy"},
		{name: "a link to a link to the source", in: "a.npy", out: "second.npy", make: func(t *testing.T, dir string) {
			link(t, "a.npy", dir+"/first.npy")
			link(t, "first.npy", dir+"/second.npy")
		}},
		{name: "the list of bad rows", in: "b.npy.bad.jsonl", out: "b.npy", make: func(t *testing.T, dir string) { rename(t, dir+"/a.npy", dir+"/b.npy.bad.jsonl") }},
		{name: "an archive", in: "a.npz:x", out: "a.npz", job: infer.Job{Format: infer.NPY}, make: func(t *testing.T, dir string) { pack(t, dir+"/a.npz", dir+"/a.npy") }},
		{name: "a graph", in: "a.npy", out: "model/encoder.onnx", job: infer.Job{Format: infer.NPY}},
		{name: "a manifest", in: "a.npy", out: "model/manifest.json", job: infer.Job{Format: infer.NPY}},
		{name: "a graph by a hard link", in: "a.npy", out: "codes.npy", make: func(t *testing.T, dir string) { hardLink(t, dir+"/model/threshold.onnx", dir+"/codes.npy") }},
		{name: "a file in the bundle", in: "a.npy", out: "model/codes.npy"},
		{name: "parts in the bundle", in: "a.npy", out: "model/", job: infer.Job{PartRows: 20}},
		{name: "a folder in the bundle", in: "a.npy", out: "model/../model/codes/"},
		{name: "the metrics of the run", in: "a.npy", out: "run/metrics.jsonl", job: infer.Job{Model: "run"}, make: ofRun},
		{name: "the checkpoints of the run", in: "a.npy", out: "run/checkpoints/codes.npy", job: infer.Job{Model: "run/bundle"}, make: ofRun},
		{name: "a part", in: "codes/part-00000-of-00001.npy", out: "codes/", job: infer.Job{Mode: infer.Decode}, make: parts},
		{name: "a link to a part", in: "link.npy", out: "codes/", job: infer.Job{Mode: infer.Decode}, make: func(t *testing.T, dir string) {
			parts(t, dir)
			link(t, "codes/part-00000-of-00001.npy", dir+"/link.npy")
		}},
		{name: "pictures in a part", in: "codes/part-00000-of-00001.png", out: "codes/", make: func(t *testing.T, dir string) {
			rename(t, pictureFolder(t, 20), mkdir(t, dir, "codes")+"/part-00000-of-00001.png")
		}},
		{name: "among pictures", in: "pictures", out: "pictures/new/", job: infer.Job{Mode: infer.Reconstruct, Format: infer.PNG}, make: func(t *testing.T, dir string) {
			rename(t, pictureFolder(t, 20), dir+"/pictures")
		}},
		{name: "a picture", in: "pictures", out: "pictures/00/3.png", job: infer.Job{Format: infer.NPY}, make: withPictures},
		{name: "a new picture of another kind", in: "pictures", out: "pictures/00/3.JPG", job: infer.Job{Format: infer.CSV}, make: withPictures},
		{name: "a picture by a hard link", in: "pictures", out: "twin.npy", make: func(t *testing.T, dir string) {
			withPictures(t, dir)
			hardLink(t, dir+"/pictures/01/7.png", dir+"/twin.npy")
		}},
		{name: "a picture of a pattern", in: "pictures/0?/*.png", out: "link.csv", make: func(t *testing.T, dir string) {
			withPictures(t, dir)
			link(t, "pictures/01/7.png", dir+"/link.csv")
		}},
		{name: "pictures in parts of another run", in: "codes", out: "codes/", job: infer.Job{PartRows: 5}, make: func(t *testing.T, dir string) {
			rename(t, pictureFolder(t, 20), mkdir(t, dir, "codes")+"/part-00000-of-00001.png")
		}},
		{name: "the other split", in: "mnist", out: "mnist/train-images-idx3-ubyte", job: infer.Job{Format: infer.NPY, Split: dataset.Test}, make: func(t *testing.T, dir string) {
			for _, name := range []string{"train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"} {
				data := datatest.IDX(make([]byte, 60), 10, 3, 2)
				if strings.Contains(name, "labels") {
					data = datatest.IDX(make([]byte, 10), 10)
				}
				if err := os.WriteFile(mkdir(t, dir, "mnist")+"/"+name+"-ubyte", data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}},
		{name: "into a pattern", in: "pictures/*/*.png", out: "pictures/00/new.png", job: infer.Job{Mode: infer.Reconstruct}, make: func(t *testing.T, dir string) {
			rename(t, pictureFolder(t, 20), dir+"/pictures")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			rename(t, rowsFile(t, 100, 1), dir+"/a.npy")
			if err := os.CopyFS(dir+"/model", os.DirFS(model)); err != nil {
				t.Fatal(err)
			}
			if c.make != nil {
				c.make(t, dir)
			}
			before := everything(t, dir)
			for _, force := range []bool{false, true} {
				job := c.job
				job.Model, job.In, job.Out, job.Force = filepath.Join(dir, cmp.Or(job.Model, "model")), filepath.Join(dir, c.in), dir+"/"+c.out, force
				if _, err := run(t, job); !errors.Is(err, infer.ErrJob) {
					t.Errorf("force %v: %v", force, err)
				}
				if !equal(everything(t, dir), before) {
					t.Fatalf("force %v: files have changed", force)
				}
			}
		})
	}
}

// parts makes a folder of codes in one part.
func parts(t *testing.T, dir string) {
	must(t, infer.Job{Model: dir + "/model", In: dir + "/a.npy", Out: dir + "/codes/", PartRows: 100})
}

// ofRun puts the model into a run folder.
func ofRun(t *testing.T, dir string) {
	mkdir(t, dir, "run/checkpoints")
	err := errors.Join(os.Rename(dir+"/model", dir+"/run/bundle"), os.WriteFile(dir+"/run/config.json", []byte("{}"), 0o644), os.WriteFile(dir+"/run/metrics.jsonl", []byte("{}"), 0o644))
	if err != nil {
		t.Fatal(err)
	}
}

func withPictures(t *testing.T, dir string) { rename(t, pictureFolder(t, 20), dir+"/pictures") }

func hardLink(t *testing.T, to, path string) {
	t.Helper()
	if err := os.Link(to, path); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, to, path string) {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// pack writes an archive that holds a file as x.npy.
func pack(t *testing.T, path, file string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	w, err := z.Create("x.npy")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err == nil {
		_, err = w.Write(data)
	}
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
}

// What lies under the names of a run's own files and is none, or was written by another hand, holds nothing up and is written
// neither through nor past: the run ends with the files that a new one makes.
func TestStrangeParts(t *testing.T) {
	t.Parallel()
	model, in := writeModel(t, dist.Bernoulli, 11, 0), rowsFile(t, 100, 1)
	want := t.TempDir() + "/codes/"
	job := infer.Job{Model: model, In: in, PartRows: 20, Out: want}
	must(t, job)
	edit := func(old, new string) func(path string) error {
		return func(path string) error {
			text, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(text), old) {
				return fmt.Errorf("no %s in %s: %w", old, text, err)
			}
			return os.WriteFile(path, []byte(strings.ReplaceAll(string(text), old, new)), 0o644)
		}
	}
	instead := func(make func(path string) error) func(path string) error {
		return func(path string) error { return errors.Join(removed(path), make(path)) }
	}
	zero := instead(func(path string) error { return os.Symlink("/dev/zero", path) })
	const part = "part-00002-of-00005.npy"
	for _, c := range []struct {
		name, file string
		change     func(path string) error
	}{
		{"a pipe as a part", part, instead(mkfifo)},
		{"a pipe as a record", part + ".done", instead(mkfifo)},
		{"a pipe as a list of bad rows", part + ".bad.jsonl", mkfifo},
		{"a device as a part", part, zero},
		{"a device as a record", part + ".done", zero},
		{"a negative number of bad rows", part + ".done", edit(`"bad": 0`, `"bad": -50`)},
		{"more bad rows than rows", part + ".done", edit(`"bad": 0`, `"bad": 21`)},
		{"a number too large", part + ".done", edit(`"size": `, `"size": 99999999999999999999`)},
		{"a record of another part's file", part + ".done", edit(`"file": "part-00002`, `"file": "part-00001`)},
		{"a record that names a file elsewhere", part + ".done", edit(`"file": "`, `"file": "../../`)},
		{"a record without a backend", part + ".done", edit(`"backend": "`, `"backend": "", "was": "`)},
		{"a record cut short", part + ".done", func(path string) error { return os.Truncate(path, 100) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, missing := range []bool{false, true} { // the part has no record, so that it is made in any case
				if !missing && strings.HasSuffix(c.file, ".bad.jsonl") {
					continue // nobody looks at it
				}
				dir := t.TempDir()
				if err := os.CopyFS(dir+"/codes", os.DirFS(want)); err != nil {
					t.Fatal(err)
				}
				if err := c.change(dir + "/codes/" + c.file); errors.Is(err, errors.ErrUnsupported) {
					t.Skip(err)
				} else if err != nil {
					t.Fatal(err)
				}
				if missing && c.file != part+".done" {
					if err := os.Remove(dir + "/codes/" + part + ".done"); err != nil {
						t.Fatal(err)
					}
				}
				job := job
				job.Out = dir + "/codes/"
				if s := must(t, job); s.Bad != 0 || s.Rows != 100 {
					t.Errorf("%+v", s)
				}
				if !equal(read(t, dir+"/codes"), read(t, want)) {
					t.Error("other files than a new run makes")
				}
			}
		})
	}
}

func removed(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// A run removes nothing of others from the places where it keeps its own files, and follows no link there.
func TestStrangePlaces(t *testing.T) {
	t.Parallel()
	model, in := writeModel(t, dist.Bernoulli, 11, 0), rowsFile(t, 100, 1)
	for _, c := range []struct {
		name string
		make func(t *testing.T, dir string)
		want error
		out  string
	}{
		{"a link in place of the folder of parts", func(t *testing.T, dir string) { link(t, "mine", dir+"/.codes.npy.parts") }, infer.ErrJob, "codes.npy"},
		{"files in the folder of parts", func(t *testing.T, dir string) { rename(t, dir+"/mine", dir+"/.codes.npy.parts") }, nil, "codes.npy"},
		{"a link in place of a lock", func(t *testing.T, dir string) { link(t, "elsewhere", dir+"/.codes.npy.lock") }, os.ErrInvalid, "codes.npy"},
		{"a link in place of a folder's lock", func(t *testing.T, dir string) { link(t, "../elsewhere", mkdir(t, dir, "codes")+"/.lock") }, os.ErrInvalid, "codes/"},
		{"a link in place of a shard's lock", func(t *testing.T, dir string) {
			link(t, "../elsewhere", mkdir(t, dir, "codes")+"/.lock-00001-to-00002")
		}, os.ErrInvalid, "codes/"},
	} {
		for _, rows := range []int{20, 100} {
			t.Run(fmt.Sprint(c.name, " ", rows), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				if err := os.WriteFile(mkdir(t, dir, "mine")+"/thesis.txt", []byte("mine"), 0o644); err != nil {
					t.Fatal(err)
				}
				c.make(t, dir)
				_, err := run(t, infer.Job{Model: model, In: in, Out: dir + "/" + c.out, PartRows: rows, Force: true})
				if (err != nil) != (c.want != nil) || c.want == infer.ErrJob && !errors.Is(err, infer.ErrJob) {
					t.Errorf("%v", err)
				}
				if found, err := filepath.Glob(dir + "/*/thesis.txt"); err != nil || len(found) == 0 { // a name that begins with a dot fits, too
					t.Errorf("the file of another is gone: %v", err)
				}
				if _, err := os.Stat(dir + "/elsewhere"); err == nil {
					t.Error("a link was followed")
				}
			})
		}
	}
}

// A source that is replaced, or written to, while it is read ends the run, wherever its rows lie.
func TestSourceReplacedWhileRead(t *testing.T) {
	t.Parallel()
	model := writeModel(t, dist.Bernoulli, 11, 0)
	a, b := rowsFile(t, 2000, 1), rowsFile(t, 2000, 2)
	at := time.Now().Add(-time.Hour)
	place := func(t *testing.T, dir, file string) string { // a copy of the file, changed at a given time
		path := filepath.Join(dir, filepath.Base(file))
		err := os.WriteFile(path, nil, 0o644)
		replace(t, path, file)
		if err := errors.Join(err, os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		name string
		in   func(t *testing.T, dir string) (source string, change func())
	}{
		{"a link that is led elsewhere", func(t *testing.T, dir string) (string, func()) {
			place(t, dir, a)
			place(t, dir, b)
			link(t, filepath.Base(a), dir+"/in.npy")
			return dir + "/in.npy", func() {
				link(t, filepath.Base(b), dir+"/new")
				rename(t, dir+"/new", dir+"/in.npy")
			}
		}},
		{"a file of the same size and time", func(t *testing.T, dir string) (string, func()) {
			path, other := place(t, dir, a), place(t, dir, b)
			return path, func() { rename(t, other, path) }
		}},
		{"an archive", func(t *testing.T, dir string) (string, func()) {
			pack(t, dir+"/in.npz", a)
			return dir + "/in.npz:x", func() {
				pack(t, dir+"/new", b)
				rename(t, dir+"/new", dir+"/in.npz")
			}
		}},
		{"a file of MNIST's folder", func(t *testing.T, dir string) (string, func()) {
			images, labels := dir+"/t10k-images-idx3-ubyte", dir+"/t10k-labels-idx1-ubyte"
			idx := append([]byte{0, 0, 8, 3, 0, 0, 7, 0xd0, 0, 0, 0, 3, 0, 0, 0, 2}, make([]byte, 12000)...)
			for path, data := range map[string][]byte{images: idx, labels: append([]byte{0, 0, 8, 1, 0, 0, 7, 0xd0}, make([]byte, 2000)...)} {
				if err := os.WriteFile(path, data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			return dir, func() {
				idx[len(idx)-1] = 255
				if err := os.WriteFile(dir+"/new", idx, 0o644); err != nil {
					t.Fatal(err)
				}
				rename(t, dir+"/new", images)
			}
		}},
	} {
		for _, out := range []string{"codes/", "codes.npy"} {
			t.Run(c.name+" "+out, func(t *testing.T) {
				t.Parallel()
				source, change := c.in(t, t.TempDir())
				job := infer.Job{Model: model, In: source, Split: dataset.Test, Out: t.TempDir() + "/" + out, PartRows: 500, Batch: 50, Callers: 1}
				seen := 0
				_, _, err := runOn(t.Context(), ortest.Backend(t, onnxruntime.WithThreads(1)), job, func(n int) {
					before := seen
					if seen += n; before < 750 && seen >= 750 {
						change()
					}
				})
				if err == nil || !strings.Contains(err.Error(), "changed") || errors.Is(err, infer.ErrJob) {
					t.Errorf("%v", err)
				}
			})
		}
	}
}
