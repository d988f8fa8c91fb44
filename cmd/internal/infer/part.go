package infer

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/catvae/catvae/cmd/internal/outfile"
	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/readfile"
)

// A Record says what a part holds and what it was made from. It lies next to the part, under its name with ".done"
// appended, and appears after it: a part without a record is not done.
type Record struct {
	Block
	File   string      `json:"file"`   // in the folder of the parts
	Bad    int         `json:"bad"`    // rows that are zeros and are named in FILE.bad.jsonl
	Size   int64       `json:"size"`   // bytes
	SHA256 string      `json:"sha256"` // of the part
	Made   made        `json:"made"`
	Source fingerprint `json:"source"`

	Skipped bool `json:"-"` // it existed already
}

// recordEnd ends the name of a record.
const recordEnd = ".done"

// errOther says that a part belongs to another job.
var errOther = fmt.Errorf("%w: it is a part of another run", ErrJob)

// other is the error for a part of another job, with what differs.
func (p *Plan) other(b Block, why string) error {
	return fmt.Errorf("infer: %s: %w, made %s: name another folder, or --force to replace the parts", p.recordPath(b), errOther, why)
}

func (p *Plan) recordPath(b Block) string { return p.partPath(b) + recordEnd }

// maxRecord is the largest record that is read.
const maxRecord = 1 << 20

// Record returns a block's record, or false where none exists yet, or what is there cannot be one: it is torn, no file, or does
// not fit its part. The record of another job is an error. Neither the part nor the source is read.
func (p *Plan) Record(b Block) (r Record, ok bool, err error) {
	if p.direct {
		return r, false, nil
	}
	data, err := readfile.Bytes(p.recordPath(b), maxRecord)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, readfile.ErrIrregular) || errors.Is(err, readfile.ErrTooLarge) {
		return r, false, nil
	}
	if err != nil {
		return r, false, fmt.Errorf("infer: %w", err)
	}
	if json.Unmarshal(data, &r) != nil { // torn by a crash of the machine
		return Record{}, false, nil
	}
	if why := p.otherwise(r, b); why != "" {
		return r, false, p.other(b, why)
	}
	if r.File != p.partName(b) || r.Bad < 0 || r.Bad > r.Rows { // written by another hand
		return Record{}, false, nil
	}
	return r, true, nil
}

// otherwise says in what way a block's record is of another job, "" where it is not.
func (p *Plan) otherwise(r Record, b Block) string {
	if r.Block != b {
		return "from other rows"
	}
	return r.Made.differs(p.made)
}

// hashPart returns size and SHA-256 of a part. For a folder of pictures it hashes their names and contents in order.
func hashPart(path string) (size int64, sum string, err error) {
	h := sha256.New()
	err = filepath.WalkDir(path, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if file != path {
			fmt.Fprintln(h, d.Name())
		}
		f, err := readfile.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		n, err := io.Copy(h, io.LimitReader(f, info.Size()+1)) // the size of some files is no bound
		size += n
		return err
	})
	return size, hex.EncodeToString(h.Sum(nil)), err
}

// A part is a part that is being written.
type part struct {
	plan  *Plan
	block Block
	in    *input // where the rows come from
	rows  int    // written
	bad   []badRow
	body  partBody
}

// A partBody is where a part's results go: a file, or a folder of pictures.
type partBody interface {
	formatter
	// commit gives the part its name and returns its size and SHA-256. Call close first.
	commit() (size int64, sum string, err error)
	abort()
}

func (p *Plan) newPart(ctx context.Context, in *input, b Block) (*part, error) {
	var body partBody
	var err error
	inFolder := p.parted.folder != nil && !p.direct
	if !p.direct {
		err = vacate(p.badPath(b), p.recordPath(b))
	}
	if err == nil && !p.direct && !inFolder {
		err = vacate(p.partPath(b))
	}
	if err != nil {
		return nil, err
	}
	if inFolder {
		body, err = p.parted.folder(p, p.partPath(b))
	} else {
		body, err = p.newFilePart(ctx, b)
	}
	if err != nil {
		return nil, err
	}
	return &part{plan: p, block: b, in: in, body: body}, nil
}

func (t *part) write(r results, bad []badRow) error {
	t.rows += r.n
	t.bad = append(t.bad, bad...)
	return t.body.write(r)
}

// finish gives a part its name, then its record. Bad rows are named before the part appears, and each step lasts before the
// next is taken: a record that outlives a power cut has its part.
func (t *part) finish() (Record, error) {
	defer t.body.abort()
	if err := t.plan.changed(); err != nil {
		return Record{}, err
	}
	r := Record{Block: t.block, File: t.plan.partName(t.block), Bad: len(t.bad), Made: t.plan.made}
	if err := t.body.close(); err != nil {
		return r, err
	}
	if !t.plan.direct {
		var err error
		if r.Source, err = t.plan.fingerprint(t.in, t.block); err != nil {
			return r, err
		}
		if err := removed(os.Remove(t.plan.recordPath(t.block))); err != nil { // of a part that is made again
			return r, err
		}
	}
	if !t.plan.file.Through {
		if err := writeBad(t.plan.badPath(t.block), t.bad); err != nil {
			return r, err
		}
	}
	var err error
	if r.Size, r.SHA256, err = t.body.commit(); err != nil {
		return r, err
	}
	if t.plan.direct {
		return r, nil
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return r, err
	}
	return r, atomicfile.WriteBytes(t.plan.recordPath(t.block), 0o644, append(data, '\n'))
}

// filePart is a part that is one file.
type filePart struct {
	formatter
	buf  *bufio.Writer
	hash hash.Hash
	size int64
	file *atomicfile.File
}

func (p *Plan) newFilePart(ctx context.Context, b Block) (*filePart, error) {
	path, open := p.partPath(b), p.parted.open
	if p.direct {
		path = p.Job.Out
		open = func(p *Plan, w io.Writer, rows int) (formatter, error) { return p.openOutput(w, rows) }
	}
	file, err := outfile.Create(ctx, path, 0o644)
	if err != nil {
		return nil, err
	}
	f := &filePart{hash: sha256.New(), file: file}
	f.buf = bufio.NewWriterSize(countingWriter{f}, 1<<18)
	if f.formatter, err = open(p, f.buf, b.Rows); err != nil {
		file.Abort()
		return nil, err
	}
	return f, nil
}

// countingWriter hashes and counts what is written to the file.
type countingWriter struct{ *filePart }

func (c countingWriter) Write(b []byte) (int, error) {
	c.hash.Write(b)
	c.size += int64(len(b))
	return c.file.Write(b)
}

func (f *filePart) commit() (int64, string, error) {
	if err := f.buf.Flush(); err != nil {
		return 0, "", err
	}
	return f.size, hex.EncodeToString(f.hash.Sum(nil)), f.file.Commit()
}

func (f *filePart) abort() { f.file.Abort() }
