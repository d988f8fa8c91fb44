//go:build unix

package main

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/catvae/catvae/bench/internal/rows"
)

// parts is the number of files of codes that the rows of a folder are cut into.
const parts = 19

// A job is a command that trials cut off at any moment and give again. It writes beneath one folder.
type job struct {
	name  string
	begin func(dir string) error // puts into the empty folder what is there before; may be nil
	args  func(dir string) []string
	env   func(dir string) []string // may be nil
	ended func(dir string) bool     // the work is whole, and the command ends with 4, since the output exists; nil where it never does
	// always returns what must not be there at any moment, and done what must not be there at the end: differences in words, or "".
	// want is the folder of a run that was left alone.
	always func(want, dir string) (string, error)
	done   func(want, dir string) (string, error)

	bench   *bench
	want    string
	seconds float64 // of the run that was left alone
}

// start makes a new folder for the job.
func (j *job) start(name string) (dir string, err error) {
	if dir, err = j.bench.empty(name); err == nil && j.begin != nil {
		err = j.begin(dir)
	}
	return dir, err
}

func (j *job) process(dir string) process {
	p := process{args: j.args(dir)}
	if j.env != nil {
		p.env = j.env(dir)
	}
	return p
}

// prepare runs the job once and leaves it alone.
func (j *job) prepare(ctx context.Context) (err error) {
	if j.want, err = j.start(j.name + " left alone"); err != nil {
		return err
	}
	o, err := j.bench.well(ctx, j.process(j.want))
	j.seconds = o.seconds
	return err
}

// moment is what must hold at any moment, as an error that breaks the promise.
func (j *job) moment(dir, when string) error {
	if j.always == nil {
		return nil
	}
	if bad, err := j.always(j.want, dir); err != nil {
		return err
	} else if bad != "" {
		return broken("%s: %s; command: %s", when, bad, j.process(dir).command())
	}
	return nil
}

// finish gives the command until it ends by itself, and compares what is there then.
func (j *job) finish(ctx context.Context, dir, after string) error {
	refused := j.ended != nil && j.ended(dir)
	o, err := j.bench.do(ctx, j.process(dir))
	if err != nil {
		return err
	}
	if o.code != 0 && !(refused && o.code == 4) {
		return o.broken("%s, the command given again does not succeed", after)
	}
	if bad, err := j.done(j.want, dir); err != nil {
		return err
	} else if bad != "" {
		return broken("%s and the command given again: %s; command: %s", after, bad, j.process(dir).command())
	}
	left, err := leftovers(dir)
	if err == nil && len(left) > 0 {
		return broken("%s and the command given again: left over: %s; command: %s", after, strings.Join(left, ", "), j.process(dir).command())
	}
	return err
}

// jobs are all of them: what infer writes, and the others.
func (b *bench) jobs(s size) []*job {
	return append(b.inferJobs(s), b.trainJob(), b.exportJob(), b.installJob())
}

func (b *bench) inferJobs(s size) []*job {
	source, pictures := b.path("rows.idx"), b.path("pictures")
	once := func(path string, write func() error) func(string) error {
		return func(string) error {
			if _, err := os.Stat(path); err == nil {
				return nil
			}
			return write()
		}
	}
	idx := once(source, func() error { return b.source.WriteIDX(context.Background(), source, s.rows) })
	count := min(s.rows, 400)
	png := once(pictures, func() error { return b.writePNGs(context.Background(), pictures, count, nil) })
	out := func(dir string) string { return filepath.Join(dir, "codes.npy") }
	size := strconv.Itoa((s.rows + parts - 1) / parts)
	same := func(want, dir string) (string, error) { return compareTrees(want, dir, nil) }
	return []*job{
		{
			name: "infer to FILE", bench: b, begin: idx,
			args: func(dir string) []string { return b.encode(source, out(dir), "--part-rows", size) },
			ended: func(dir string) bool {
				held, err := os.ReadDir(filepath.Join(dir, ".codes.npy.parts"))
				return exists(out(dir)) && (err != nil || len(held) == 0)
			},
			always: func(want, dir string) (string, error) {
				if equal, err := sameBytes(out(want), out(dir)); err == nil && !equal {
					return "the file has other bytes than it should", nil
				} else if !errors.Is(err, fs.ErrNotExist) {
					return "", err
				}
				return badRecords("", dir)
			},
			done: same,
		},
		{
			name: "infer to DIR", bench: b, begin: idx,
			args:   func(dir string) []string { return b.encode(source, dir+"/codes/", "--part-rows", size) },
			always: badRecords, done: same,
		},
		{
			name: "pictures to DIR", bench: b, begin: png,
			args: func(dir string) []string {
				return b.encode(pictures, dir+"/pictures/", "--mode", "reconstruct", "--format", "png", "--part-rows", strconv.Itoa((count+parts-1)/parts))
			},
			always: badRecords, done: same,
		},
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// badRecords names the records that lie beside a part which is not what they say.
func badRecords(want, dir string) (string, error) {
	names, err := files(dir)
	if err != nil {
		return "", err
	}
	for _, name := range names {
		part, ok := strings.CutSuffix(name, ".done")
		if !ok {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return "", err
		}
		var record struct {
			Size   int64
			SHA256 string
		}
		if json.Unmarshal(data, &record) != nil || record.SHA256 == "" {
			continue // a torn record counts as none
		}
		path := filepath.Join(dir, part)
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return fmt.Sprintf("the record %s lies beside no part", name), nil
		case info.IsDir():
			if bad, err := compareTrees(filepath.Join(want, part), path, nil); err != nil || bad != "" {
				return fmt.Sprintf("the record %s lies beside a part of which %s", name, bad), err
			}
		default:
			if data, err = os.ReadFile(path); err != nil {
				return "", err
			}
			if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != record.SHA256 {
				return fmt.Sprintf("the record %s lies beside a part with other bytes", name), nil
			}
		}
	}
	return "", nil
}

// small are the settings of a model that is trained in a second.
var small = []string{"--epochs", "3", "--threads", "1", "--set", "latent.variables=16", "--set", "encoder.hidden=16", "--set", "decoder.hidden=16"}

// trainRows are enough for some dozens of steps.
const trainRows = 4000

func (b *bench) trainArgs(source, run string, more ...string) []string {
	return b.catvae(append(append([]string{"train", "--data", source, "--out", run}, small...), more...)...)
}

func (b *bench) trainRows() (string, error) {
	source := b.path("train.idx")
	if exists(source) {
		return source, nil
	}
	return source, b.source.WriteIDX(context.Background(), source, trainRows)
}

// trainJob trains with a checkpoint every few steps, and resumes.
func (b *bench) trainJob() *job {
	return &job{
		name: "train", bench: b,
		begin: func(string) error { _, err := b.trainRows(); return err },
		args: func(dir string) []string {
			return b.trainArgs(b.path("train.idx"), filepath.Join(dir, "run"), "--resume", "--checkpoint-every", "20ms")
		},
		done: b.sameRun,
	}
}

// sameRun compares graphs, final weights and codes of two runs. Times differ, so that the other files do.
func (b *bench) sameRun(want, dir string) (string, error) {
	for _, name := range []string{"encoder.onnx", "threshold.onnx", "decoder.onnx"} {
		if bad, err := sameFile(filepath.Join(want, "run", "bundle", name), filepath.Join(dir, "run", "bundle", name)); bad != "" || err != nil {
			return bad, err
		}
	}
	if bad, err := sameFile(filepath.Join(want, "run", "config.json"), filepath.Join(dir, "run", "config.json")); bad != "" || err != nil {
		return bad, err
	}
	a, err := lastState(want, "run")
	if err != nil {
		return "", err
	}
	c, err := lastState(dir, "run")
	if err != nil {
		return "", err
	}
	return sameFile(a, c)
}

func lastState(dir, run string) (string, error) {
	states, err := filepath.Glob(filepath.Join(dir, run, "checkpoints", "step-*", "state.safetensors"))
	if err == nil && len(states) == 0 {
		err = fmt.Errorf("%s has no checkpoint", dir)
	}
	if err != nil {
		return "", err
	}
	return states[len(states)-1], nil
}

// sameFile says how a file differs from another one, or "".
func sameFile(want, got string) (string, error) {
	switch same, err := sameBytes(want, got); {
	case errors.Is(err, fs.ErrNotExist) && !exists(got):
		return got + " is missing", nil
	case err != nil:
		return "", err
	case !same:
		return got + " has other bytes than it should", nil
	}
	return "", nil
}

// exportJob replaces a bundle by another. There is a whole one at any moment.
func (b *bench) exportJob() *job {
	run, old := b.path("export run"), b.path("export old")
	bundle := func(dir string) string { return filepath.Join(dir, "bundle") }
	kept := func(name string) bool { return name == "verification.json" || name == "manifest.json" } // they hold times
	return &job{
		name: "export --force", bench: b,
		begin: func(dir string) error {
			if !exists(old) {
				source, err := b.trainRows()
				if err != nil {
					return err
				}
				for _, x := range []struct{ run, seed string }{{old, "2"}, {run, "1"}} {
					if _, err := b.well(context.Background(), process{args: b.trainArgs(source, x.run, "--seed", x.seed)}); err != nil {
						return err
					}
				}
			}
			return os.CopyFS(bundle(dir), os.DirFS(filepath.Join(old, "bundle")))
		},
		args: func(dir string) []string { return b.catvae("export", "--run", run, "--out", bundle(dir), "--force") },
		always: func(want, dir string) (string, error) {
			if !exists(bundle(dir)) {
				return "there is no bundle at the path", nil
			}
			before, err := compareTrees(filepath.Join(old, "bundle"), bundle(dir), kept)
			if err != nil || before == "" {
				return "", err
			}
			after, err := compareTrees(bundle(want), bundle(dir), kept)
			if err != nil || after == "" {
				return "", err
			}
			return fmt.Sprintf("the bundle is neither the old one (%s) nor the new one (%s)", before, after), nil
		},
		done: func(want, dir string) (string, error) { return compareTrees(bundle(want), bundle(dir), kept) },
	}
}

// installJob installs onnxruntime into a cache of its own. pip is a script that gives out a wheel made of the library in the user's cache:
// nothing is downloaded.
func (b *bench) installJob() *job {
	return &job{
		name: "doctor --install", bench: b,
		begin: func(string) error { return b.fakePip() },
		args:  func(string) []string { return b.catvae("doctor", "--install") },
		env:   b.fakeEnv,
		done: func(want, dir string) (string, error) {
			return compareTrees(want, dir, func(name string) bool { return !strings.Contains(filepath.Base(name), "libonnxruntime") })
		},
	}
}

// fakeEnv is an environment with a home and a cache in a folder.
func (b *bench) fakeEnv(dir string) []string {
	return []string{"HOME=" + dir, "XDG_CACHE_HOME=" + filepath.Join(dir, "cache"), "TMPDIR=" + b.Work, "CATVAE_ORT_LIB=", "ONNXRUNTIME_SHARED_LIBRARY_PATH=",
		"LD_LIBRARY_PATH=", "CATVAE_NO_DOWNLOAD=", "PATH=" + filepath.Join(b.Work, "pip") + ":/usr/bin:/bin"}
}

// cachedLibrary is the onnxruntime that is installed in the user's cache.
func cachedLibrary() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	found, err := filepath.Glob(filepath.Join(cache, "catvae", "onnxruntime", "*", "libonnxruntime.*"))
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("trials: onnxruntime is not in %s: catvae doctor --install puts it there", cache)
	}
	if err != nil {
		return "", err
	}
	return found[len(found)-1], nil
}

// fakePip makes a folder with a python3 whose pip "downloads" the wheel beside it, slowly enough to be killed.
func (b *bench) fakePip() error {
	dir := filepath.Join(b.Work, "pip")
	if exists(filepath.Join(dir, "python3")) {
		return nil
	}
	library, err := cachedLibrary()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	version := filepath.Base(filepath.Dir(library))
	wheel, err := os.Create(filepath.Join(dir, "onnxruntime-"+version+"-cp311-cp311-any.whl"))
	if err != nil {
		return err
	}
	defer wheel.Close()
	archive := zip.NewWriter(wheel)
	if w, err := archive.CreateHeader(&zip.FileHeader{Name: "onnxruntime/capi/" + filepath.Base(library), Method: zip.Store}); err != nil {
		return err
	} else if f, err := os.Open(library); err != nil {
		return err
	} else if _, err = io.Copy(w, f); errors.Join(err, f.Close()) != nil {
		return err
	}
	if err := errors.Join(archive.Close(), wheel.Close()); err != nil {
		return err
	}
	script := `#!/bin/sh
while [ $# -gt 1 ]; do
	if [ "$1" = -d ] || [ "$1" = --dest ]; then cp "` + wheel.Name() + `" "$2"; exit; fi
	shift
done
exit 1
`
	for _, name := range []string{"python3", "pip3", "pip", "python"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// rowBytes is the size of a row of the trials' sources.
const rowBytes = rows.Size
