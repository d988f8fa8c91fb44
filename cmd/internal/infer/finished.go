package infer

import (
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

	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/readfile"
)

// A fileRecord says, in the folder of raw parts, what the file that was put together from them holds. It is written just before
// the file gets its name, and goes last when the folder is removed. So a run that is killed in between is known to be done, and
// its file is told from any other.
type fileRecord struct {
	Made   made   `json:"made"`
	Parts  int    `json:"parts"`
	Rows   int    `json:"rows"`
	Bad    int    `json:"bad"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	Source string `json:"source_sha256"` // of its parts' fingerprints, in their order
}

func (p *Plan) fileRecordPath() string { return filepath.Join(p.hidden(partsEnd), "file"+recordEnd) }

// summing counts and hashes what is written.
type summing struct {
	io.Writer
	hash hash.Hash
	size int64
}

func (s *summing) Write(b []byte) (int, error) {
	s.hash.Write(b)
	s.size += int64(len(b))
	return s.Writer.Write(b)
}

func (p *Plan) recordFile(records []Record, sum summing) error {
	r := fileRecord{Made: p.made, Parts: len(records), Size: sum.size, SHA256: hex.EncodeToString(sum.hash.Sum(nil))}
	source := sha256.New()
	for _, part := range records {
		r.Rows += part.Rows
		r.Bad += part.Bad
		fmt.Fprintln(source, p.summed(part.Source))
	}
	r.Source = hex.EncodeToString(source.Sum(nil))
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := vacate(p.fileRecordPath()); err != nil {
		return err
	}
	return atomicfile.WriteBytes(p.fileRecordPath(), 0o644, append(data, '\n'))
}

// summed is the part of a fingerprint that the job's check compares.
func (p *Plan) summed(f fingerprint) string {
	if p.Job.Check == Sample {
		return f.Sample
	}
	return f.Rows
}

// finishedFile returns the record of the output file, nil where there is none or the file is another.
func (p *Plan) finishedFile(ctx context.Context) (*fileRecord, error) {
	data, err := readfile.Bytes(p.fileRecordPath(), maxRecord)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, readfile.ErrIrregular) || errors.Is(err, readfile.ErrTooLarge) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("infer: %w", err)
	}
	var r fileRecord
	if json.Unmarshal(data, &r) != nil || r.Made.differs(p.made) != "" {
		return nil, nil
	}
	f, err := os.Open(p.file.Path)
	if err != nil {
		return nil, fmt.Errorf("infer: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	for size := int64(0); ; {
		n, err := io.CopyN(h, f, 1<<24)
		size += n
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, io.EOF):
			if size != r.Size || hex.EncodeToString(h.Sum(nil)) != r.SHA256 {
				return nil, nil
			}
			return &r, nil
		case err != nil:
			return nil, fmt.Errorf("infer: %w", err)
		}
	}
}

// finish tidies up after a run that was killed while it did. The file must be made from the rows that the source has now.
func (p *Plan) finish(ctx context.Context) (s Summary, err error) {
	r := p.finished
	if why := r.Made.differs(p.made); why != "" {
		return s, fmt.Errorf("%w: it was made %s", exists(p.Job.Out), why)
	}
	in, err := p.take(ctx)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, p.giveBack(in)) }()
	source := sha256.New()
	for _, b := range p.Blocks() {
		if err := in.skipTo(b.First); err != nil {
			return s, err
		}
		in.at += b.Rows
		if err := in.reader.Scan(b.Rows); err != nil {
			return s, err
		}
		sum, err := p.fingerprint(in, b)
		if err != nil {
			return s, err
		}
		fmt.Fprintln(source, p.summed(sum))
	}
	if hex.EncodeToString(source.Sum(nil)) != r.Source {
		return s, fmt.Errorf("%w: it was made from other rows", exists(p.Job.Out))
	}
	s = Summary{Rows: r.Rows, Bad: r.Bad, Parts: r.Parts, Skipped: r.Parts}
	if err := p.tidy(); err != nil {
		return s, err
	}
	return s, p.partly(s)
}

// tidy removes the hidden folder of raw parts, the record of the file last. What is not a run's stays, and the folder with it.
func (p *Plan) tidy() error {
	if p.file.Through {
		return nil
	}
	dir := p.hidden(partsEnd)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if partFile.MatchString(e.Name()) || atomicfile.Unfinished(e.Name()) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	if err == nil {
		err = atomicfile.SyncDir(dir) // a part that comes back after a power cut finds the record, and is removed again
	}
	if err == nil {
		err = removed(os.Remove(p.fileRecordPath()))
	}
	if err != nil {
		return err
	}
	os.Remove(dir) // only where nothing else is in it
	return nil
}
