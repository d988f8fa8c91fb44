package infer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/catvae/catvae/internal/atomicfile"
)

// Locks lie next to an output file, or in the folder of the parts. One stands for a range of parts, so that shards work side
// by side in a folder, and two runs that would make one part do not.
const (
	lockEnd   = ".lock"              // of an output file's lock
	guardName = ".lock"              // is held, in a folder, by who looks for other locks
	lockName  = ".lock-%05d-to-%05d" // the first part, and the one after the last
)

// hold locks the output against other runs. The lock ends with the process, however that ends.
func (p *Plan) hold(ctx context.Context) (release func(), err error) {
	if !p.Job.Folder() {
		lock, err := atomicfile.TryLock(p.hidden(lockEnd))
		if err != nil {
			return nil, p.notHeld(err)
		}
		return func() {
			os.Remove(p.hidden(partsEnd)) // removed only where it holds no part
			lock.Release()
		}, nil
	}
	blocks := p.Blocks()
	if len(blocks) == 0 {
		return func() {}, p.notHeld(atomicfile.MkdirAll(p.dir(), 0o755))
	}
	guard, err := p.guard(ctx)
	if err != nil {
		return nil, p.notHeld(err)
	}
	defer guard.Release()
	first, end := blocks[0].Part, blocks[len(blocks)-1].Part+1
	if err := p.checkHeld(first, end); err != nil {
		return nil, p.notHeld(err)
	}
	lock, err := atomicfile.TryLock(filepath.Join(p.dir(), fmt.Sprintf(lockName, first, end)))
	if err != nil {
		return nil, p.notHeld(err)
	}
	return func() {
		lock.Release()
		os.Remove(p.dir()) // removed only where it holds no part
	}, nil
}

// guard makes the folder of the parts and takes its guard. A run that ends meanwhile may remove the folder, if it is empty.
func (p *Plan) guard(ctx context.Context) (*atomicfile.Lock, error) {
	for try := 0; ; try++ {
		if err := atomicfile.MkdirAll(p.dir(), 0o755); err != nil && (try == 100 || !errors.Is(err, fs.ErrNotExist)) {
			return nil, err
		}
		guard, err := atomicfile.WaitLock(ctx, filepath.Join(p.dir(), guardName))
		if err == nil || try == 100 || !errors.Is(err, fs.ErrNotExist) {
			return guard, err
		}
	}
}

// checkHeld looks for runs that make parts of a range, and removes the locks that killed ones have left. The guard is held.
func (p *Plan) checkHeld(first, end int) error {
	entries, err := os.ReadDir(p.dir())
	if err != nil {
		return err
	}
	for _, e := range entries {
		var from, to int
		if n, _ := fmt.Sscanf(e.Name(), lockName, &from, &to); n != 2 {
			continue
		}
		lock, err := atomicfile.TryLock(filepath.Join(p.dir(), e.Name()))
		switch {
		case err == nil:
			lock.Release()
		case !errors.Is(err, atomicfile.ErrHeld):
			return err
		case from < end && first < to:
			return err
		}
	}
	return nil
}

// notHeld says why an output is not locked.
func (p *Plan) notHeld(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, atomicfile.ErrHeld):
		return fmt.Errorf("infer: another run writes %s: wait for it, or name another output: %w", p.Job.Out, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("infer: %s: the folder must be writable, since an output appears under a temporary name first: %w", p.Job.Out, err)
	}
	return fmt.Errorf("infer: %s: %w", p.Job.Out, err)
}
