package atomicfile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// ErrHeld is wrapped by the error for a lock that another holds.
var ErrHeld = errors.New("another holds the lock")

// A Lock is held by one goroutine of one process at a time. It ends with the process, however that ends. Where the file
// system has no locks, everybody gets them.
type Lock struct{ f *os.File }

// TryLock takes the lock that the file at path stands for, or returns an [ErrHeld] at once. The file is made, and is removed
// when the lock is released. A link, or anything else that is no file, is an [ErrTarget].
func TryLock(path string) (*Lock, error) {
	for {
		if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
			return nil, fmt.Errorf("lock %s: it is not a regular file, and it is not ours: %w: remove it", path, ErrTarget)
		}
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|noFollow, 0o666)
		if err != nil {
			return nil, err
		}
		err = tryLock(f)
		switch {
		case errors.Is(err, errors.ErrUnsupported), err == nil && current(f):
			return &Lock{f}, nil
		case err != nil:
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		f.Close() // its holder has just removed it: the lock is that of another file
	}
}

// WaitLock takes the lock once nobody else holds it.
func WaitLock(ctx context.Context, path string) (*Lock, error) {
	for {
		l, err := TryLock(path)
		if !errors.Is(err, ErrHeld) {
			return l, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("lock %s: %w", path, ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Release gives the lock up. The file is removed first: whoever has opened it meanwhile finds that it is gone.
func (l *Lock) Release() {
	os.Remove(l.f.Name()) // where open files cannot be removed, the file stays and does no harm
	CloseLocked(l.f)
}

// current reports whether an open file is still the one that has its name.
func current(f *os.File) bool {
	open, err1 := f.Stat()
	named, err2 := os.Lstat(f.Name())
	return err1 == nil && err2 == nil && os.SameFile(open, named)
}

// createOwned makes a temporary file for base in dir, locked, with a name that ends in end.
func createOwned(dir, base, end string) (*os.File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, _, err := createOwnedIn(root, base, end)
	return f, err
}
