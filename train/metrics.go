package train

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/train/evaluate"
	"github.com/catvae/catvae/train/rivals"
)

// A Record is one line of metrics.jsonl.
type Record struct {
	Kind        string               `json:"kind"` // a row of recordKinds
	Epoch       int                  `json:"epoch"`
	Step        int                  `json:"step"` // global, from 1
	Seconds     float64              `json:"seconds"`
	Temperature float64              `json:"temperature,omitempty"`
	KLWeight    float64              `json:"kl_weight,omitempty"`
	Rate        float64              `json:"rows_per_second,omitempty"`
	Waiting     float64              `json:"waiting,omitempty"`     // share of that time in which steps waited for rows to be made
	Parts       *Parts               `json:"parts,omitempty"`       // of the relaxed objective: not to be compared with others' figures
	Evaluation  *evaluate.Evaluation `json:"evaluation,omitempty"`  // bounds on hard samples
	Retrieval   *rivals.Comparison   `json:"retrieval,omitempty"`   // what codes find
	Interrupted bool                 `json:"interrupted,omitempty"` // of a test record: the run was stopped before its end
	LostBytes   int64                `json:"lost_bytes,omitempty"`  // of earlier lines
}

// recordKinds say, for each kind of record, whether one has what it needs, and whether a run that continues from a
// checkpoint keeps it.
var recordKinds = map[string]struct {
	whole func(r Record) bool
	kept  func(r Record, c Checkpoint) bool
}{
	"step": { // an average over the steps since the last
		func(r Record) bool { return r.Parts != nil && r.Step > 0 },
		func(r Record, c Checkpoint) bool { return r.Step <= c.Step },
	},
	"validation": {
		func(r Record) bool { return r.Evaluation != nil },
		func(r Record, c Checkpoint) bool { return r.Step <= c.Step },
	},
	"test": { // of a run that ended
		func(r Record) bool { return r.Evaluation != nil },
		func(Record, Checkpoint) bool { return false },
	},
	"retrieval": { // of the rows of the test record, where somebody asked
		func(r Record) bool { return r.Retrieval != nil },
		func(Record, Checkpoint) bool { return false },
	},
	"held_out_retrieval": { // of the held-out rows, likewise
		func(r Record) bool { return r.Retrieval != nil },
		func(Record, Checkpoint) bool { return false },
	},
	"lost": { // lines before this one could not be read when the run was resumed
		func(r Record) bool { return r.LostBytes > 0 },
		func(r Record, c Checkpoint) bool { return r.Step <= c.Step },
	},
}

// maxLine is the longest line of metrics.jsonl that is read.
const maxLine = 1 << 20

// resumeMetrics opens the metrics of a run that continues from a checkpoint, without the lines about later steps. Metrics
// are a log and no state: where lines are damaged or missing, the rest is kept, and a record says how much was lost.
func (r *runFolder) resumeMetrics(c Checkpoint) error {
	lines, lost, err := r.readMetrics(c)
	if err != nil {
		return fmt.Errorf("train: %s: %w", r.path(MetricsFile), err)
	}
	if lost > 0 {
		rec := Record{Kind: "lost", Epoch: c.Epoch, Step: c.Step, Seconds: c.Seconds, LostBytes: lost}
		line, err := json.Marshal(rec)
		if err != nil {
			return fmt.Errorf("train: metrics: %w", err)
		}
		r.records = append(r.records, rec)
		lines = append(append(lines, line...), '\n')
	}
	if err := atomicfile.WriteIn(r.root, MetricsFile, 0o644, lines); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return r.openMetrics()
}

// openMetrics opens metrics.jsonl, to append to it.
func (r *runFolder) openMetrics() (err error) {
	if r.metrics, err = r.root.OpenFile(MetricsFile, os.O_WRONLY|os.O_APPEND, 0); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

// readMetrics reads the records that a checkpoint was written after. It returns their lines, and how many of the bytes that
// the checkpoint counts are missing or make no record.
func (r *runFolder) readMetrics(c Checkpoint) (lines []byte, lost int64, err error) {
	f, err := r.root.Open(MetricsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, c.MetricsBytes, nil
	}
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	err = eachRecord(io.LimitReader(f, c.MetricsBytes), func(rec Record, line []byte) {
		if recordKinds[rec.Kind].kept(rec, c) {
			r.records = append(r.records, rec)
			lines = append(lines, line...)
		}
	})
	if err != nil {
		return nil, 0, err
	}
	return lines, max(0, c.MetricsBytes-int64(len(lines))), nil
}

// eachRecord calls f for every sound line of metrics, with the record that it holds. The line is valid until f returns.
func eachRecord(metrics io.Reader, f func(rec Record, line []byte)) error {
	in := bufio.NewReaderSize(metrics, maxLine)
	for skip := false; ; {
		line, err := in.ReadSlice('\n')
		if rec, ok := parseRecord(line); ok && !skip && err == nil {
			f(rec, line)
		}
		skip = errors.Is(err, bufio.ErrBufferFull) // the rest of a line that is too long
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !skip:
			return err
		}
	}
}

// lostBytes returns how much of the metrics is not there any more.
func (r *runFolder) lostBytes() (n int64) {
	for _, rec := range r.records {
		n += rec.LostBytes
	}
	return n
}

// parseRecord returns the record of a line. ok is false where it is damaged.
func parseRecord(line []byte) (rec Record, ok bool) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if d.Decode(&rec) != nil || rec.Epoch < 0 || rec.Step < 0 {
		return rec, false
	}
	_, err := d.Token()
	kind, known := recordKinds[rec.Kind]
	return rec, errors.Is(err, io.EOF) && known && kind.whole(rec)
}

// record appends one line to metrics.jsonl.
func (r *runFolder) record(rec Record) error {
	r.records = append(r.records, rec)
	line, err := json.Marshal(rec)
	if err != nil {
		return fmt.Errorf("train: metrics: %w", err)
	}
	if _, err := r.metrics.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("train: metrics: %w", err)
	}
	return nil
}

// metricsBytes returns the length of metrics.jsonl, which is on the disk when it returns.
func (r *runFolder) metricsBytes() (int64, error) {
	if err := r.metrics.Sync(); err != nil {
		return 0, fmt.Errorf("train: metrics: %w", err)
	}
	info, err := r.metrics.Stat()
	if err != nil {
		return 0, fmt.Errorf("train: metrics: %w", err)
	}
	return info.Size(), nil
}
