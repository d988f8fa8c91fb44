package train

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/catvae/catvae/bundle/writer"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/internal/readfile"
	"github.com/catvae/catvae/internal/rundir"
)

// The ways to choose the rows that are held out, as data.holdout names them.
const (
	HoldoutLast   = "last"   // the last ones in the order of the source
	HoldoutRandom = "random" // random ones, of each label in proportion
)

// SplitFile says what became of each row of the source, in an array of bytes: it was trained on, held out, or passed over as bad.
const SplitFile = rundir.Split

// The bytes of [SplitFile].
const (
	rowTrained = 0
	rowHeldOut = 1
	rowBad     = 2
	rowLeft    = 3 // not drawn: see data.rows
)

// withHoldout returns the configuration with data.holdout as the source allows: one that has test rows of its own keeps its
// training rows in their order, as papers about it do.
func (c Config) withHoldout(source string) (Config, error) {
	if c.Data.Holdout != HoldoutRandom {
		return c, nil
	}
	splits, err := dataset.HasSplits(source)
	if err != nil {
		return c, err
	}
	if splits || len(dataset.Files(source, dataset.Train)) == 2 { // MNIST's folder without its test rows
		c.Data.Holdout = HoldoutLast
	}
	return c, nil
}

// heldRows returns how many of a number of rows are held out.
func (c Config) heldRows(rows int) int {
	if c.Data.Validation < 0 {
		return rows / 6
	}
	return c.Data.Validation
}

// holdOut returns which rows of a set are trained on and which are held out, in their order. Both are functions of the
// configuration, the number of rows and their labels.
func (c Config) holdOut(set *dataset.Set, held int) (training, validation []int) {
	n := set.Len()
	out := make([]bool, n)
	if c.Data.Holdout == HoldoutRandom {
		for _, row := range chosen(set, held, noise.Stream{Seed: c.Seed, Purpose: noise.Named("holdout")}.Permutation(n, 0)) {
			out[row] = true
		}
	} else {
		for i := n - held; i < n; i++ {
			out[i] = true
		}
	}
	for i := range n {
		if out[i] {
			validation = append(validation, i)
		} else {
			training = append(training, i)
		}
	}
	return training, validation
}

// chosen returns some of a set's rows: the first of a permutation, or the first with each label, as many of each as its share is by
// the method of the largest remainder. Of a label with several rows one is left over, if that is possible.
func chosen(set *dataset.Set, held int, permutation []int) (rows []int) {
	if !set.Labels {
		return permutation[:held]
	}
	type class struct{ rows, quota, rest int }
	classes := map[int]*class{}
	var all []*class // in the order of the permutation, which decides between equal remainders
	for _, row := range permutation {
		c := classes[set.Label(row)]
		if c == nil {
			c = &class{}
			classes[set.Label(row)], all = c, append(all, c)
		}
		c.rows++
	}
	left := held
	for _, c := range all {
		c.quota, c.rest = c.rows*held/len(permutation), c.rows*held%len(permutation)
		left -= c.quota
	}
	slices.SortStableFunc(all, func(a, b *class) int { return cmp.Compare(b.rest, a.rest) })
	for _, keep := range []int{1, 0} { // of a class with several rows
		for more := true; more; {
			more = false
			for _, c := range all {
				if left > 0 && c.quota < c.rows-min(keep, c.rows-1) {
					c.quota++
					left--
					more = true
				}
			}
		}
	}
	for _, row := range permutation {
		if c := classes[set.Label(row)]; c.quota > 0 {
			c.quota--
			rows = append(rows, row)
		}
	}
	return rows
}

// marks returns the content of [SplitFile] for a set with some rows held out.
func marks(set *dataset.Set, validation []int) ([]byte, error) {
	rows := set.SourceRows()
	m := bytes.Repeat([]byte{rowLeft}, rows)
	for _, err := range set.Bad() {
		var bad interface{ BadRow() int }
		if errors.As(err, &bad) {
			m[bad.BadRow()] = rowBad
		}
	}
	for i := range set.Len() {
		m[set.Origin(i)] = rowTrained
	}
	for _, i := range validation {
		m[set.Origin(i)] = rowHeldOut
	}
	var file bytes.Buffer
	w, err := dataset.NewNPYWriter(&file, "uint8", rows)
	if err == nil {
		err = errors.Join(w.WriteBytes(m), w.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("train: %s: %w", SplitFile, err)
	}
	return file.Bytes(), nil
}

// readMarks reads a run's [SplitFile]; nil where it has none, as older runs have not.
func readMarks(run string) ([]byte, error) {
	path := filepath.Join(run, SplitFile)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	data, err := readfile.Bytes(path, 1<<32)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	m := data[bytes.IndexByte(data, '\n')+1:] // after the header
	var head bytes.Buffer
	if _, err := dataset.NewNPYWriter(&head, "uint8", len(m)); err != nil {
		return nil, fmt.Errorf("train: %s: %w", path, err)
	}
	if !bytes.HasPrefix(data, head.Bytes()) || slices.ContainsFunc(m, func(b byte) bool { return b > rowLeft }) {
		return nil, fmt.Errorf("train: %s is damaged: it is not the array of bytes that a run writes: restore it, or start a new run: %w", path, ErrResume)
	}
	return m, nil
}

// A Split is a set that a run was trained on, taken apart.
type Split struct {
	Training, HeldOut *dataset.Set // HeldOut is nil where no row was held out
}

// SplitOf takes a set apart as the run in a folder did. The set is all of a source, read as the run's bundle says. ok is false where
// that is not what the run was trained on.
func SplitOf(run string, set *dataset.Set) (s Split, ok bool, err error) {
	c, _, err := readRunConfig(run)
	if err != nil {
		return s, false, err
	}
	training, source, err := trainedOn(run, c)
	if err != nil || training == "" {
		return s, false, err
	}
	m, err := readMarks(run)
	if err != nil {
		return s, false, err
	}
	var rows, held []int
	switch n := c.heldRows(set.Len()); {
	case m == nil && n >= set.Len():
		return s, false, nil
	case m == nil:
		rows, held = c.holdOut(set, n)
	case len(m) != set.SourceRows():
		return s, false, nil
	}
	for i := range set.Len() {
		switch {
		case m == nil:
		case m[set.Origin(i)] == rowTrained:
			rows = append(rows, i)
		case m[set.Origin(i)] == rowHeldOut:
			held = append(held, i)
		default:
			return s, false, nil
		}
	}
	s.Training = set.Select(rows)
	if len(held) > 0 {
		s.HeldOut = set.Select(held)
	}
	return s, s.Training.Fingerprint() == training && (source == "" || set.Fingerprint() == source), nil
}

// BadRows returns the ratio of the rows of its source that a run passed over as bad, 0 where it does not say.
func BadRows(run string) (float64, error) {
	if run == "" {
		return 0, nil
	}
	m, err := readMarks(run)
	if err != nil || len(m) == 0 {
		return 0, err
	}
	return float64(bytes.Count(m, []byte{rowBad})) / float64(len(m)-bytes.Count(m, []byte{rowLeft})), nil
}

// Drawn returns how many rows of its source a run has drawn to train on and to hold out, and the seed, 0 where it took all of them.
func Drawn(run string) (rows int, seed uint64, err error) {
	if run == "" {
		return 0, 0, nil
	}
	c, _, err := readRunConfig(run)
	return c.Data.Rows, c.Seed, err
}

// trainedOn returns the fingerprints of the rows that a run was trained on and of their source, as its bundle or its newest
// checkpoint has them, "" for what is not known.
func trainedOn(run string, c Config) (training, source string, err error) {
	v, err := readVerification(run)
	switch {
	case err == nil:
		training, _ = v.Record[dataRecord].(string)
		source, _ = v.Record[wholeRecord].(string)
		return training, source, nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", "", err
	}
	newest, _, _, err := newestCheckpoint(run, c, func(string) {})
	return newest.DataSHA256, "", err
}

// RunOf returns the run that a bundle belongs to: the folder above it, if the bundle says that it was made by a run with that
// configuration. It returns "" if not.
func RunOf(bundleDir string) string {
	run, ok := rundir.Of(bundleDir)
	if !ok {
		return ""
	}
	c, _, err := readRunConfig(run)
	if err != nil {
		return ""
	}
	hash, err := configHash(c)
	var v writer.Verification
	if err == nil {
		v, err = readVerification(run)
	}
	if err != nil || v.Record[configRecord] != hash {
		return ""
	}
	return run
}

// reading returns how a split of a source is read: by the configuration's rules, with values by one that is given.
func (c Config) reading(split dataset.Split, values dist.Values, maxBad float64) dataset.Options {
	drawn := c.Data.Rows
	if split == dataset.Test {
		drawn = 0
	}
	return dataset.Options{Split: split, Seed: c.Seed, Draw: drawn, Image: c.Data.Image(), Layout: c.Data.Layout, Table: c.Data.Table.options(), Texts: c.Data.Texts.Dataset(), Values: values, MaxBad: maxBad, Check: c.checkRow()}
}

// loadSource reads the training rows of a source, with their labels where somebody asks, and settles in the configuration what depends on them.
func (c Config) loadSource(ctx context.Context, source string, maxBad float64, labels bool) (*dataset.Set, Config, error) {
	values, err := c.Values()
	if err != nil {
		return nil, c, err
	}
	if c.Data.Numbers != "" {
		values = dist.Raw()
	}
	o := c.reading(dataset.Train, values, maxBad)
	o.Labels = labels || c.Data.Holdout == HoldoutRandom
	set, err := dataset.Load(ctx, source, o)
	if err == nil {
		c.Data.Table.FirstColumn = set.FirstColumn
		set, err = c.Data.resolvePictures(set)
	}
	if err == nil {
		c, err = c.withHoldout(source)
	}
	if err != nil || c.Data.Numbers == "" {
		return set, c, err
	}
	if c, err = c.withScale(set); err != nil {
		return nil, c, err
	}
	rule, err := c.Values()
	if err != nil {
		return nil, c, err
	}
	set, err = set.Scaled(rule)
	var outside *dataset.ValueError
	if errors.As(err, &outside) {
		err = fmt.Errorf("%w: data.divide is what numbers are divided by", err)
	}
	return set, c, err
}
