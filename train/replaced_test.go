package train_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/internal/atomicfile/powercut"
	"github.com/catvae/catvae/train"
)

// A run whose folder is removed, moved or replaced while it trains ends with an error, and writes nothing into what is there
// instead.
func TestFolderReplaced(t *testing.T) {
	t.Parallel()
	another := func(t *testing.T, o train.Options) { // another run takes the place
		c, _ := tiny(t, o.Out)
		c.Seed = 2
		o.Progress, o.Resume = nil, false
		mustRun(t, c, o)
	}
	remove := func(t *testing.T, path string) {
		if err := os.RemoveAll(path); err != nil {
			t.Error(err)
		}
	}
	rename := func(t *testing.T, from, to string) {
		if err := os.Rename(from, to); err != nil {
			t.Error(err)
		}
	}
	for name, c := range map[string]struct {
		act   func(t *testing.T, o train.Options)
		words string
	}{
		"removed":                  {func(t *testing.T, o train.Options) { remove(t, o.Out) }, "was removed or moved"},
		"moved":                    {func(t *testing.T, o train.Options) { rename(t, o.Out, o.Out+"-elsewhere") }, "was removed or moved"},
		"removed and trained anew": {func(t *testing.T, o train.Options) { remove(t, o.Out); another(t, o) }, "another folder"},
		"moved and trained anew":   {func(t *testing.T, o train.Options) { rename(t, o.Out, o.Out+"-elsewhere"); another(t, o) }, "another folder"},
		"an empty folder": {func(t *testing.T, o train.Options) {
			remove(t, o.Out)
			if err := os.Mkdir(o.Out, 0o755); err != nil {
				t.Error(err)
			}
		}, "another folder"},
		"a link to another run": {func(t *testing.T, o train.Options) {
			rename(t, o.Out, o.Out+"-elsewhere")
			there := o
			there.Out += "-there"
			another(t, there)
			if err := os.Symlink(there.Out, o.Out); err != nil {
				t.Error(err)
			}
		}, "another folder"},
		"no configuration": {func(t *testing.T, o train.Options) { remove(t, filepath.Join(o.Out, train.ConfigFile)) }, "config.json was removed"},
		"another configuration": {func(t *testing.T, o train.Options) {
			if err := edit(filepath.Join(o.Out, train.ConfigFile), func(b []byte) []byte { return []byte(strings.Replace(string(b), `"seed": 1`, `"seed": 7`, 1)) }); err != nil {
				t.Error(err)
			}
		}, "config.json was changed"},
	} {
		for _, phase := range []string{"training", "test"} {
			t.Run(name+" in "+phase, func(t *testing.T) {
				config, o := tiny(t, filepath.Join(t.TempDir(), "run"))
				var there map[string]string
				o.Progress = func(p train.Progress) {
					if there == nil && p.Phase == phase && p.Done > 6 {
						c.act(t, o)
						if _, err := os.Stat(o.Out); err == nil {
							there = content(t, o.Out)
						} else {
							there = map[string]string{}
						}
					}
				}
				_, err := train.Run(context.Background(), config, o)
				if !errors.Is(err, train.ErrReplaced) || !strings.Contains(err.Error(), c.words) || strings.Contains(err.Error(), "\n") {
					t.Fatalf("%v", err)
				}
				if name == "no configuration" || name == "another configuration" {
					return // the folder is the run's own
				}
				if _, err := os.Stat(o.Out); err == nil {
					if now := content(t, o.Out); fmt.Sprint(now) != fmt.Sprint(there) {
						t.Error("what took the folder's place was changed")
					}
				} else if len(there) > 0 {
					t.Error("what took the folder's place was removed")
				}
				if name == "moved" { // nothing is lost
					o.Progress, o.Out = nil, o.Out+"-elsewhere"
					if r := mustRun(t, config, o); r.ResumedAt == 0 || r.Steps != 20 {
						t.Errorf("resumed where it was moved to: %+v", r)
					}
				}
			})
		}
	}
}

// What is removed within the folder is made again where a run can, and never lets another process in.
func TestRemovedWithin(t *testing.T) {
	t.Parallel()
	config, whole := tiny(t, filepath.Join(t.TempDir(), "run"))
	mustRun(t, config, whole)
	want := content(t, whole.Out)
	for _, name := range []string{".lock", train.MetricsFile, train.CheckpointsDir, train.ReportFile} {
		t.Run(name, func(t *testing.T) {
			_, o := tiny(t, filepath.Join(t.TempDir(), "run"))
			acted := false
			o.Progress = func(p train.Progress) {
				if acted || p.Phase != "training" || p.Done != 12 {
					return
				}
				acted = true
				if err := os.RemoveAll(filepath.Join(o.Out, name)); err != nil {
					t.Error(err)
				}
				second := o
				second.Progress = nil
				if _, err := train.Run(context.Background(), config, second); !errors.Is(err, train.ErrLocked) {
					t.Errorf("a second writer: %v", err)
				}
			}
			r := mustRun(t, config, o)
			got := content(t, o.Out)
			if got[finalState] != want[finalState] || r.LostEpoch == 0 && got["bundle/encoder.onnx"] != want["bundle/encoder.onnx"] || (r.LostEpoch != 0) != (name == train.CheckpointsDir) {
				t.Errorf("%+v: the weights differ", r)
			}
			o.Progress = nil
			mustRun(t, config, o)
		})
	}
	_, o := tiny(t, filepath.Join(t.TempDir(), "run"))
	done := false
	o.Progress = func(p train.Progress) {
		if p.Phase == "test" && !done {
			done = true
			path := filepath.Join(o.Out, train.BundleDir)
			if err := os.WriteFile(path, []byte("precious"), 0o644); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := train.Run(context.Background(), config, o); err == nil || string(read(t, o.Out, train.BundleDir)) != "precious" {
		t.Errorf("a file in the bundle's place: %v", err)
	}
}

// A run folder may be a link. Links within it are refused before a step is taken: a run writes nowhere else.
func TestLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config, o := tiny(t, filepath.Join(dir, "run"))
	for _, err := range []error{os.Mkdir(filepath.Join(dir, "there"), 0o755), os.Symlink("there", o.Out)} {
		if err != nil {
			t.Skip(err)
		}
	}
	config.Epochs = 1
	mustRun(t, config, o)
	config.Epochs = 2
	mustRun(t, config, o)
	if info, err := os.Lstat(o.Out); err != nil || info.Mode()&os.ModeSymlink == 0 || len(content(t, filepath.Join(dir, "there"))) < 8 {
		t.Errorf("the link is %v, %v", info, err)
	}
	outside := filepath.Join(dir, "outside")
	for _, name := range []string{train.CheckpointsDir, train.BundleDir, train.MetricsFile} {
		path := filepath.Join(dir, "there", name)
		for _, err := range []error{os.RemoveAll(outside), os.Rename(path, outside), os.Symlink(outside, path)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := train.Run(context.Background(), config, o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is a link: %v", name, err)
		}
		for _, err := range []error{os.Remove(path), os.Rename(outside, path)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A power cut at any time leaves no name without what it stands for.
func TestPowerCut(t *testing.T) {
	config, o := tiny(t, filepath.Join(t.TempDir(), "run"))
	disk := powercut.Watch(t, filepath.Dir(o.Out))
	mustRun(t, config, o)
	config.Epochs = 6
	mustRun(t, config, o)
	if n := disk.Renames(); n < 10 {
		t.Errorf("%d renames were seen", n)
	}
}

// A run can be opened at any time while it is trained, and its best weights are never taken for lost.
func TestOpenWhileTraining(t *testing.T) {
	t.Parallel()
	config, o := tiny(t, filepath.Join(t.TempDir(), "run"))
	config.Epochs, o.CheckpointEvery = 60, 1
	ended := make(chan error, 1)
	go func() {
		_, err := train.Run(context.Background(), config, o)
		ended <- err
	}()
	for opened := 0; ; {
		select {
		case err := <-ended:
			if err != nil || opened == 0 {
				t.Errorf("opened %d times: %v", opened, err)
			}
			return
		default:
		}
		if _, err := train.OpenRun(o.Out, nil); err == nil {
			opened++
		} else if opened > 0 {
			t.Errorf("after %d times: %v", opened, err)
			<-ended
			return
		}
	}
}
