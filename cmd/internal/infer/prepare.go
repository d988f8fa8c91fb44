package infer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/diskspace"
)

// partFile matches the names of parts, of their records and of their bad rows.
var partFile = regexp.MustCompile(`^part-(\d{5})-of-(\d{5})(\.[a-z]+)(\.done|\.bad\.jsonl)?$`)

// Prepare makes the place of the parts ready. It locks the output against other runs, makes the folder of the parts, removes
// what a crash left unfinished, refuses parts of other jobs (or removes them where the job says force), and checks that the
// disk has room for the output. It holds the lock until release is called.
func (p *Plan) Prepare(ctx context.Context) (release func(), err error) {
	if p.file.Through {
		return func() {}, nil
	}
	release, err = p.hold(ctx)
	if err != nil {
		return nil, err
	}
	err = p.checkExisting(ctx) // again: another run may have ended between the plan and the lock
	if err == nil {
		err = p.prepare(ctx)
	}
	if err != nil {
		release()
		return nil, err
	}
	return release, nil
}

func (p *Plan) prepare(ctx context.Context) error {
	mine := map[string]bool{}
	for _, b := range p.Blocks() {
		name := p.partName(b)
		mine[name], mine[name+".done"], mine[BadFile(name)] = true, true, true
	}
	dirs := []string{p.dir()}
	if !p.Job.Folder() {
		dirs = append(dirs, filepath.Dir(p.file.Path), filepath.Dir(p.Job.Out))
		for _, path := range []string{p.file.Path, BadFile(p.Job.Out)} {
			mine[filepath.Base(path)] = true
		}
		if !p.direct {
			if err := atomicfile.MkdirAll(p.dir(), 0o755); err != nil {
				return fmt.Errorf("infer: %w", err)
			}
		}
	}
	for _, dir := range dirs {
		if err := atomicfile.Sweep(dir, func(name string) bool { return mine[name] }); err != nil {
			return fmt.Errorf("infer: %w", err)
		}
	}
	if p.direct {
		if err := p.tidy(); err != nil { // of a run in smaller parts
			return fmt.Errorf("infer: %w", err)
		}
	} else if err := p.checkParts(); err != nil {
		return err
	}
	if err := p.Agree(ctx, false); err != nil {
		return err
	}
	return p.checkSpace()
}

// checkParts reports parts of other jobs in the folder, or removes them where the job says force. A single file's folder of raw
// parts holds nothing else of value: parts of other jobs are removed there, and those of this one are kept, also under force.
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
			return fmt.Errorf("infer: %s: %w, made in other parts or as another format: name another folder, or --force to replace the parts", filepath.Join(p.dir(), e.Name()), errOther)
		}
		if err := os.RemoveAll(filepath.Join(p.dir(), e.Name())); err != nil {
			return fmt.Errorf("infer: %w", err)
		}
	}
	for _, b := range p.Blocks() {
		r, there, err := p.Record(b)
		switch {
		case err == nil && !there, err == nil && !(p.Job.Force && p.Job.Folder()):
			continue
		case err != nil && !(force && errors.Is(err, errOther)):
			return err
		case err != nil && !p.Job.Folder():
			p.say("part %d was made %s: it is made again", b.Part, p.otherwise(r, b))
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
	free, known := diskspace.Free(p.dir())
	if !known || free >= need {
		return nil
	}
	return fmt.Errorf("infer: %s has %d MB free, the output needs about %d MB: make room, or write elsewhere", p.dir(), free>>20, (need+1<<20-1)>>20)
}
