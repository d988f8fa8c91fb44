package infer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/gofrs/flock"
)

// partFile matches the names of parts, of their records and of their bad rows.
var partFile = regexp.MustCompile(`^part-(\d{5})-of-(\d{5})(\.[a-z]+)(\.done|\.bad\.jsonl)?$`)

// Prepare makes the folder of the parts ready. It creates the folder, locks this shard's parts against other runs,
// removes what a crash left unfinished, refuses parts of other jobs (or removes them where the job says force), and
// checks that the disk has room for the output. It holds the lock until release is called.
func (p *Plan) Prepare() (release func(), err error) {
	dir := p.dir()
	if !p.Job.Folder() {
		out := filepath.Base(p.Job.Out)
		if err := atomicfile.Sweep(filepath.Dir(p.Job.Out), func(name string) bool { return name == out || name == BadFile(out) }); err != nil {
			return nil, fmt.Errorf("infer: %w", err)
		}
	}
	if p.direct {
		return func() {}, p.checkSpace()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("infer: %w", err)
	}
	lock := flock.New(filepath.Join(dir, fmt.Sprintf(".lock-%d-of-%d", p.Job.Shard.Index, p.Job.Shard.Of)))
	switch ok, err := lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("infer: lock %s: %w", dir, err)
	case !ok:
		return nil, fmt.Errorf("infer: another run makes the parts in %s: wait for it, or name another output", dir)
	}
	release = func() {
		os.Remove(lock.Path()) // a leftover does no harm
		lock.Unlock()
	}
	mine := map[string]bool{}
	for _, b := range p.Blocks() {
		name := p.partName(b)
		mine[name], mine[name+".done"], mine[BadFile(name)] = true, true, true
	}
	err = atomicfile.Sweep(dir, func(name string) bool { return mine[name] })
	if err == nil {
		err = p.checkParts()
	}
	if err == nil {
		err = p.checkSpace()
	}
	if err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// checkParts reports parts of other jobs in the folder. A single file's folder of raw parts holds nothing else of
// value, so it removes such parts there, as it does under force.
func (p *Plan) checkParts() error {
	entries, err := os.ReadDir(p.dir())
	if err != nil {
		return fmt.Errorf("infer: %w", err)
	}
	force := p.Job.Force || !p.Job.Folder()
	for _, e := range entries {
		m := partFile.FindStringSubmatch(e.Name())
		if m == nil {
			continue
		}
		if n, _ := strconv.Atoi(m[2]); n == p.parts && m[3] == p.parted.ends[0] {
			continue
		}
		if !force {
			return fmt.Errorf("infer: %s: %w: name another folder, or --force to replace them", filepath.Join(p.dir(), e.Name()), errOther)
		}
		if err := os.RemoveAll(filepath.Join(p.dir(), e.Name())); err != nil {
			return fmt.Errorf("infer: %w", err)
		}
	}
	for _, b := range p.Blocks() {
		_, there, err := p.Record(b)
		switch {
		case err == nil && !there, err == nil && !p.Job.Force:
			continue
		case err != nil && !errors.Is(err, errOther):
			return err
		case err != nil && !force:
			return fmt.Errorf("%w: name another folder, or --force to replace them", err)
		}
		if err := removed(os.Remove(p.recordPath(b))); err != nil { // the part is replaced when the new one takes its name
			return fmt.Errorf("infer: %w", err)
		}
	}
	return nil
}

// checkSpace reports a disk without room for the missing parts and for the file that they become.
func (p *Plan) checkSpace() error {
	rows := p.rows()
	need := int64(rows) * int64(p.rowBytes(p.parted))
	if !p.Job.Folder() && !p.direct {
		need += int64(rows) * int64(p.rowBytes(p.target))
	}
	for _, b := range p.Blocks() {
		if info, err := os.Stat(filepath.Join(p.dir(), p.partName(b))); !p.direct && err == nil && !info.IsDir() {
			need -= info.Size() // exists already
		}
	}
	free, err := freeSpace(p.dir())
	if err != nil || free >= need { // an unknown size must not stop the work
		return nil
	}
	return fmt.Errorf("infer: %s has %d MB free, the output needs about %d MB: make room, or write elsewhere", p.dir(), free>>20, (need+1<<20-1)>>20)
}
