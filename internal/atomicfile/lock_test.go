package atomicfile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"
)

var testContext = context.Background()

// What another process is writing is never swept, whatever its age; what a killed one has left is.
func TestSweep(t *testing.T) {
	if errors.Is(tryLockOf(t), errors.ErrUnsupported) {
		t.Skip("no locks here")
	}
	dir := t.TempDir()
	all := func(string) bool { return true }
	cmd, out := child(t, "hold", dir)
	if line, err := out.ReadString('\n'); line != "ready\n" {
		t.Fatal(line, err)
	}
	mine, err := Create(testContext, filepath.Join(dir, "mine"), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer mine.Abort()
	before := names(t, dir)
	if err := Sweep(dir, all); err != nil || fmt.Sprint(names(t, dir)) != fmt.Sprint(before) || len(before) != 4 {
		t.Errorf("of %v the sweep leaves %v: %v", before, names(t, dir), err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	old := filepath.Join(dir, prefix+"bundle-77")
	for _, left := range []string{old, old + oldEnd} { // of a version without locks
		if err := os.Mkdir(left, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := Sweep(dir, func(name string) bool { return name == "elsewhere" }); err != nil || len(names(t, dir)) != 6 {
		t.Errorf("a sweep for others leaves %v: %v", names(t, dir), err)
	}
	if err := Sweep(dir, all); err != nil || len(names(t, dir)) != 1 {
		t.Errorf("after the kill there is %v: %v", names(t, dir), err)
	}
	if err := mine.Commit(); err != nil || fmt.Sprint(names(t, dir)) != "[mine]" {
		t.Errorf("%v: %v", names(t, dir), err)
	}
}

func tryLockOf(t *testing.T) error {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return tryLock(f)
}

// Sweeps that run all the time take nothing from those who write.
func TestSweepWhileWriting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stop := make(chan struct{})
	var sweeping, writing sync.WaitGroup
	for range 2 {
		sweeping.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := Sweep(dir, func(string) bool { return true }); err != nil {
					t.Error(err)
					return
				}
				runtime.Gosched()
			}
		})
	}
	for i := range 4 {
		writing.Go(func() {
			for range 50 {
				if err := WriteBytes(filepath.Join(dir, "file"), 0o644, []byte("whole")); err != nil {
					t.Error(err)
				}
				err := Dir(filepath.Join(dir, fmt.Sprint("folder", i%2)), true, func(tmp string) error {
					return os.WriteFile(filepath.Join(tmp, "x"), []byte("whole"), 0o644)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	close(stop)
	sweeping.Wait()
	if got := fmt.Sprint(names(t, dir)); got != "[file folder0 folder1]" {
		t.Errorf("there is %s", got)
	}
}

// A number that many processes and goroutines add to under a lock misses no addition, and the lock's file is gone at the
// end.
func TestLock(t *testing.T) {
	t.Parallel()
	if errors.Is(tryLockOf(t), errors.ErrUnsupported) {
		t.Skip("no locks here")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "number"), []byte("0"), 0o644); err != nil {
		t.Fatal(err)
	}
	var g sync.WaitGroup
	for range 4 {
		cmd, _ := child(t, "count", dir)
		g.Go(func() {
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		})
		g.Go(func() {
			if err := count(dir, 50); err != nil {
				t.Error(err)
			}
		})
	}
	g.Wait()
	if data, err := os.ReadFile(filepath.Join(dir, "number")); err != nil || string(data) != "400" || fmt.Sprint(names(t, dir)) != "[number]" {
		t.Errorf("the number is %s, there is %v: %v", data, names(t, dir), err)
	}
	l, err := TryLock(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	if _, err := TryLock(filepath.Join(dir, "lock")); !errors.Is(err, ErrHeld) {
		t.Errorf("a lock that is held: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := WaitLock(ctx, filepath.Join(dir, "lock")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a wait that ends: %v", err)
	}
}

// count adds n to the number in a folder, one by one.
func count(dir string, n int) error {
	path := filepath.Join(dir, "number")
	for range n {
		l, err := WaitLock(context.Background(), filepath.Join(dir, "lock"))
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		i, err := strconv.Atoi(string(data))
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(strconv.Itoa(i+1)), 0o644); err != nil {
			return err
		}
		l.Release()
	}
	return nil
}

// A lock's name that leads elsewhere is an error at once, and nothing is made where it leads.
func TestLockIsNoFile(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.Symlink("elsewhere", filepath.Join(dir, "link")), os.Mkdir(filepath.Join(dir, "folder"), 0o755)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"link", "folder"} {
		if _, err := TryLock(filepath.Join(dir, name)); !errors.Is(err, ErrTarget) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "elsewhere")); err == nil {
		t.Error("the link was followed")
	}
}
