package infer_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/atomicfile/powercut"
	"github.com/catvae/catvae/runtime/onnxruntime"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
)

// Runs that overlap, in this process and in others, some of which are killed: each ends well or says at once that another
// is at work, and the output is that of one run.
func TestOverlap(t *testing.T) {
	t.Parallel()
	model, in := writeModel(t, dist.Bernoulli, 11, 0), pixelFile(t, 3000)
	for _, c := range []struct {
		name string
		job  infer.Job
	}{
		{"codes/", infer.Job{}}, {"pictures/", infer.Job{Mode: infer.Reconstruct, Format: infer.PNG, In: pixelFile(t, 300), PartRows: 50}},
		{"codes.npy", infer.Job{Force: true}}, {"one.npy", infer.Job{Force: true, PartRows: 3000}},
	} {
		t.Run(c.name, func(t *testing.T) {
			job := c.job
			job.Model = model
			if job.In == "" {
				job.In = in
			}
			if job.PartRows == 0 {
				job.PartRows = 200
			}
			job.Out = filepath.Join(t.TempDir(), "want", c.name)
			if err := os.Mkdir(filepath.Dir(job.Out), 0o755); err != nil {
				t.Fatal(err)
			}
			job.Out += strings.Repeat("/", strings.Count(c.name, "/"))
			must(t, job)
			want := read(t, filepath.Dir(filepath.Clean(job.Out)))
			dir := t.TempDir()
			job.Out = filepath.Join(dir, c.name) + strings.Repeat("/", strings.Count(c.name, "/"))
			var g sync.WaitGroup
			for i := range 4 {
				mine := job
				if job.Folder() && i%2 == 1 { // other borders between shards than those of the rest
					mine.Shard = infer.Shard{Index: i / 2, Of: 2}
				}
				g.Go(func() {
					for range 3 {
						_, err := run(t, mine)
						if err != nil && !errors.Is(err, atomicfile.ErrHeld) {
							t.Error(err)
						}
					}
				})
				g.Go(func() {
					for kill := range 2 {
						p := begin(t, mine)
						if kill == 0 && i < 2 {
							time.Sleep(time.Duration(200+100*i) * time.Millisecond)
							p.kill(t)
							continue
						}
						if message, err := p.wait(); err != nil && !strings.Contains(message, "another run writes") {
							t.Errorf("%v: %s", err, message)
						}
					}
				})
			}
			g.Wait()
			must(t, job)
			if got := read(t, dir); !equal(got, want) {
				t.Errorf("%d files differ from the %d of one run", len(got), len(want))
			}
		})
	}
}

// A second run on an output is refused at once, in words, and the first one ends well.
func TestSecondRun(t *testing.T) {
	t.Parallel()
	model, in := writeModel(t, dist.Bernoulli, 11, 0), pixelFile(t, 200)
	for _, out := range []string{"codes/", "codes.npy", "one.npy", "link.npy"} {
		dir := t.TempDir()
		job := infer.Job{Model: model, In: in, Out: dir + "/" + out, PartRows: 20}
		if out == "one.npy" {
			job.PartRows = 0
		}
		second := job
		if out == "link.npy" {
			if err := os.Symlink("codes.npy", job.Out); err != nil {
				t.Fatal(err)
			}
			second.Out = dir + "/codes.npy"
		}
		plan, err := infer.NewPlan(t.Context(), job)
		if err != nil {
			t.Fatal(err)
		}
		defer plan.Close()
		release, err := plan.Prepare(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := run(t, second); !errors.Is(err, atomicfile.ErrHeld) || !strings.Contains(err.Error(), "another run writes "+second.Out+": wait for it, or name another output") {
			t.Errorf("%s: %v", out, err)
		}
		if job.Folder() {
			overlapping := job
			overlapping.Shard = infer.Shard{Index: 1, Of: 3}
			if _, err := run(t, overlapping); !errors.Is(err, atomicfile.ErrHeld) {
				t.Errorf("a shard of it: %v", err)
			}
		}
		release()
		must(t, job)
		read(t, dir) // and no lock is left
	}
}

// Shards that do not overlap work at the same time in one folder.
func TestShardsAtOnce(t *testing.T) {
	t.Parallel()
	model, in, dir := writeModel(t, dist.Bernoulli, 11, 0), pixelFile(t, 1000), t.TempDir()
	job := infer.Job{Model: model, In: in, Out: dir + "/", PartRows: 50}
	var g sync.WaitGroup
	for i := range 7 {
		shard := job
		shard.Shard = infer.Shard{Index: i, Of: 7}
		g.Go(func() { must(t, shard) })
	}
	g.Wait()
	if s := must(t, job); s.Skipped != 20 {
		t.Errorf("%+v", s)
	}
	read(t, dir)
}

// Whatever has its name lasts, and lasts longer than its record: parts of each kind, lists of bad rows, records, files.
func TestPowerCut(t *testing.T) {
	model := writeModel(t, dist.Bernoulli, 11, 0)
	pictures := pictureFolder(t, 30)
	if err := os.Truncate(filepath.Join(pictures, "01/3.png"), 0); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		job     infer.Job
		renames int
	}{
		{"deep/er/codes/", infer.Job{}, 3 + 3 + 1}, {"codes.npy", infer.Job{}, 3 + 3 + 1 + 2}, {"one.csv", infer.Job{PartRows: 30}, 2},
		{"pictures/", infer.Job{Mode: infer.Reconstruct, Format: infer.PNG}, 3 + 3 + 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			disk := powercut.Watch(t, root)
			job := c.job
			job.Model, job.In, job.MaxBad, job.Out = model, pictures, 0.1, filepath.Join(root, c.name)
			if strings.HasSuffix(c.name, "/") {
				job.Out += "/"
			}
			if job.PartRows == 0 {
				job.PartRows = 10
			}
			if s, err := run(t, job); !errors.Is(err, infer.ErrPart) || s.Bad != 1 {
				t.Fatalf("%+v, %v", s, err)
			}
			if n := disk.Renames(); n < c.renames {
				t.Errorf("%d renames were seen, %d or more were expected", n, c.renames)
			}
		})
	}
}

// A run that waits for a pipe's reader ends with its context.
func TestStoppedOutput(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := mkfifo(fifo); err != nil {
		t.Skip(err)
	}
	plan, err := infer.NewPlan(t.Context(), infer.Job{Model: writeModel(t, dist.Bernoulli, 11, 0), In: pixelFile(t, 100), Out: fifo})
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := infer.Run(ctx, plan, ortest.Backend(t, onnxruntime.WithThreads(1)), infer.Hooks{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// Devices, pipes and open files are written through: what comes out is what the file would be, and nothing is replaced or
// left behind.
func TestWrittenThrough(t *testing.T) {
	t.Parallel()
	model, in, dir := writeModel(t, dist.Bernoulli, 11, 0), pixelFile(t, 1000), t.TempDir()
	for _, format := range []infer.Format{infer.NPY, infer.CSV, infer.JSONL, infer.Raw, infer.Parquet} {
		for _, shard := range []infer.Shard{{Index: 0, Of: 1}, {Index: 1, Of: 3}, {Index: 15, Of: 20}} {
			job := infer.Job{Model: model, In: in, Format: format, PartRows: 99, Shard: shard}
			job.Out = filepath.Join(dir, fmt.Sprint("want-", format, shard.Index))
			must(t, job)
			want := read(t, job.Out)["."]
			if err := os.Remove(job.Out); err != nil {
				t.Fatal(err)
			}
			job.Out = filepath.Join(dir, "fifo")
			if err := mkfifo(job.Out); err != nil {
				t.Skip(err)
			}
			got := make(chan string, 1)
			go func() {
				data, _ := os.ReadFile(job.Out)
				got <- string(data)
			}()
			for _, force := range []bool{false, true} {
				job.Force = force
				if s := must(t, job); s.Rows > 0 || want != "" {
					if g := <-got; g != want {
						t.Errorf("%s, shard %v: the pipe's reader got %d bytes, the file has %d", format, shard, len(g), len(want))
					}
				}
				if !force {
					go func() {
						data, _ := os.ReadFile(job.Out)
						got <- string(data)
					}()
				}
			}
			if err := os.Remove(job.Out); err != nil {
				t.Fatal(err)
			}
		}
	}
	if left := read(t, dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	null := filepath.Join(dir, "null.npy")
	if err := os.Symlink(os.DevNull, null); err != nil {
		t.Fatal(err)
	}
	must(t, infer.Job{Model: model, In: in, Out: null, Force: true, PartRows: 99})
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode()&os.ModeDevice == 0 {
		t.Fatalf("%s is %v: %v", os.DevNull, info.Mode(), err)
	}
	for name, job := range map[string]infer.Job{
		"bad rows to a device": {Out: null, MaxBad: 0.5}, "parts in a device": {Out: null + "/"}, "a folder": {Out: dir},
	} {
		job.Model, job.In = model, in
		if _, err := run(t, job); !errors.Is(err, infer.ErrJob) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// An output that is a link becomes the file that it leads to; parts, locks and temporary files lie next to that file, bad
// rows next to the link.
func TestLinkedOutput(t *testing.T) {
	t.Parallel()
	model, in, dir := writeModel(t, dist.Bernoulli, 11, 0), pixelFile(t, 100), t.TempDir()
	want := infer.Job{Model: model, In: in, Out: filepath.Join(dir, "want.npy")}
	must(t, want)
	for _, rows := range []int{0, 10} {
		link, target := filepath.Join(dir, fmt.Sprint("link", rows)), filepath.Join(dir, fmt.Sprint("folder", rows), "file.npy")
		if err := errors.Join(os.Mkdir(filepath.Dir(target), 0o755), os.Symlink(target, link)); err != nil {
			t.Fatal(err)
		}
		job := infer.Job{Model: model, In: in, Out: link, PartRows: rows}
		must(t, job)
		if _, err := run(t, job); !errors.Is(err, os.ErrExist) {
			t.Errorf("a link to a file, without force: %v", err)
		}
		job.Force = true
		must(t, job)
		if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 || read(t, target)["."] != read(t, want.Out)["."] {
			t.Errorf("the link is %v, or its file is another: %v", info.Mode(), err)
		}
	}
	read(t, dir)
}
