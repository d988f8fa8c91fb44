package atomicfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// While a folder is replaced again and again, there is always one at the path, and each is whole.
func TestReplacedAllTheTime(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	path := filepath.Join(parent, "bundle")
	fill := func(i int) func(string) error {
		return func(tmp string) error {
			text := fmt.Appendf(nil, "%06d", i)
			return errors.Join(os.WriteFile(filepath.Join(tmp, "manifest"), text, 0o644), os.WriteFile(filepath.Join(tmp, "graph"), text, 0o644))
		}
	}
	if err := Dir(path, false, fill(0)); err != nil {
		t.Fatal(err)
	}
	if _, err := tryExchange(t); errors.Is(err, errors.ErrUnsupported) {
		t.Skip("this system cannot exchange folders in one step")
	}
	done := make(chan error, 1)
	go func() {
		for i := range 200 {
			if err := Dir(path, true, fill(i+1)); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for reads := 0; ; reads++ {
		select {
		case err := <-done:
			if err != nil || reads == 0 || fmt.Sprint(names(t, parent)) != "[bundle]" {
				t.Errorf("%d reads, %v is left: %v", reads, names(t, parent), err)
			}
			return
		default:
		}
		manifest, err := os.ReadFile(filepath.Join(path, "manifest"))
		if err != nil || len(manifest) != 6 {
			t.Fatalf("after %d reads: %q, %v", reads, manifest, err)
		}
		root, err := os.OpenRoot(path)
		if err != nil {
			t.Fatal(err)
		}
		a, err1 := root.ReadFile("manifest")
		b, err2 := root.ReadFile("graph") // gone, if the folder was replaced meanwhile, but never another's
		if err1 == nil && err2 == nil && string(a) != string(b) {
			t.Fatalf("the manifest of %s with the graph of %s", a, b)
		}
		root.Close()
	}
}

func tryExchange(t *testing.T) (string, error) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	if err := errors.Join(os.Mkdir(a, 0o755), os.Mkdir(b, 0o755)); err != nil {
		t.Fatal(err)
	}
	return a, exchange(a, b)
}

// Where folders cannot be exchanged, the old one is moved aside; if the process ends there, it is put back.
func TestMovedAside(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	path := filepath.Join(parent, "bundle")
	write := func(dir, text string) error { return os.WriteFile(filepath.Join(dir, "x"), []byte(text), 0o644) }
	begin := func(text string) *Folder {
		f, err := CreateFolder(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := write(f.Path(), text); err != nil {
			t.Fatal(err)
		}
		return f
	}
	read := func() string {
		data, err := os.ReadFile(filepath.Join(path, "x"))
		return fmt.Sprint(string(data), err)
	}
	if err := begin("one").Commit(false); err != nil {
		t.Fatal(err)
	}
	two := begin("two")
	if err := two.moveAside(); err != nil || read() != "two<nil>" {
		t.Fatal(read(), err)
	}
	if err := os.RemoveAll(two.tmp + oldEnd); err != nil {
		t.Fatal(err)
	}
	two.Abort()

	three := begin("three") // killed between the two steps
	if err := os.Rename(path, three.tmp+oldEnd); err != nil {
		t.Fatal(err)
	}
	if err := Recover(path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the folder of a process at work is taken from it")
	}
	three.owner.Close()
	boom := errors.New("boom")
	if err := Dir(path, true, func(string) error { return boom }); !errors.Is(err, boom) {
		t.Fatal(err)
	}
	if got := read() + fmt.Sprint(names(t, parent)); got != "two<nil>[bundle]" {
		t.Errorf("after the crash: %s", got)
	}
	if err := Dir(path, true, func(tmp string) error { return write(tmp, "four") }); err != nil || read() != "four<nil>" {
		t.Error(read(), err)
	}
}

// Many who replace one folder at once all succeed, without a raw error.
func TestReplacedByMany(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	path := filepath.Join(parent, "folder")
	errs := make(chan error)
	for i := range 16 {
		go func() {
			for range 20 {
				f, err := CreateFolder(path)
				if err == nil {
					err = errors.Join(os.WriteFile(filepath.Join(f.Path(), "x"), fmt.Append(nil, i), 0o644), f.Commit(true))
				}
				if err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range 16 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if got := fmt.Sprint(names(t, parent), names(t, path)); got != "[folder] [x]" {
		t.Errorf("there is %s", got)
	}
}
