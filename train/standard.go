package train

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/internal/readfile"
	"github.com/catvae/catvae/internal/rundir"
)

// StandardFile holds the statistics by which a run's rows are standardised: an array of float32, the means above the
// deviations, or of vectors the mean alone. They are computed once, from the rows trained on; config.json has the file's SHA-256. A run that continues, and
// every export, takes them from there.
const StandardFile = rundir.Standard

// standardise reports data.standardise where the configuration standardises.
func (d Data) standardise() string {
	if d.Standardise == dist.StandardNone {
		return ""
	}
	return d.Standardise
}

// byStatistics reports a way to standardise that takes numbers from the training rows.
func (d Data) byStatistics() bool {
	return d.Standardise == dist.StandardColumn || d.Standardise == dist.StandardAll || d.Vector.dist().Centres()
}

// checkStandard reports a way to standardise that makes no sense with the other keys.
func (c Config) checkStandard() error {
	kind := c.Data.standardise()
	if kind == "" {
		return nil
	}
	l, err := dist.LikelihoodOf(c.Likelihood)
	if err == nil {
		err = builder.CheckStandardise(kind, c.Likelihood.Name(), l)
	}
	if err != nil {
		return fmt.Errorf("train: %w: %w", err, ErrConfig)
	}
	return nil
}

// standardOf computes the statistics of a set's rows in float64, in two passes, and rounds them to float32. The deviation is
// that of the population, √(Σ(x-mean)²/n). Values that are all equal have the deviation 1.
func standardOf(set *dataset.Set, kind string) (dist.Standard, error) {
	width, group := set.RowSize(), 1
	if kind == dist.StandardAll {
		group = width
	} else if width > dist.MaxStandardColumns {
		return dist.Standard{}, fmt.Errorf("train: data.standardise is %s, and the rows of %s have %d values: at most %d have a mean and a deviation of their own: set data.standardise=%s: %w",
			kind, set.Source, width, dist.MaxStandardColumns, dist.StandardAll, ErrConfig)
	}
	n := float64(set.Len()) * float64(group)
	least, most := make([]float32, width/group), make([]float32, width/group)
	mean, deviation := make([]float64, width/group), make([]float64, width/group)
	row := make([]float32, width)
	set.Row(0, row)
	for j, x := range row {
		least[j/group], most[j/group] = x, x
	}
	for i := range set.Len() {
		set.Row(i, row)
		for j, x := range row {
			k := j / group
			mean[k] += float64(x) / n
			least[k], most[k] = min(least[k], x), max(most[k], x)
		}
	}
	for i := range set.Len() {
		set.Row(i, row)
		for j, x := range row {
			d := float64(x) - mean[j/group]
			deviation[j/group] += d * d / n
		}
	}
	for k := range mean {
		mean[k], deviation[k] = float64(float32(mean[k])), float64(float32(math.Sqrt(deviation[k])))
		if least[k] == most[k] || deviation[k] == 0 {
			mean[k], deviation[k] = float64(least[k]), 1
		}
	}
	s := dist.Standard{Mean: mean, Deviation: deviation}
	if err := s.Check(width); err != nil {
		return s, fmt.Errorf("train: data.standardise is %s: %s: %w: scale the numbers first: %w", kind, set.Source, err, dataset.ErrData)
	}
	return s, nil
}

// encodeStandard returns the content of [StandardFile].
func encodeStandard(s dist.Standard) ([]byte, error) {
	var file bytes.Buffer
	var rows []float32
	for _, x := range append(append([]float64{}, s.Mean...), s.Deviation...) {
		rows = append(rows, float32(x))
	}
	w, err := dataset.NewNPYWriter(&file, "float32", len(rows)/max(len(s.Mean), 1), len(s.Mean))
	if err == nil {
		err = errors.Join(w.WriteFloats(rows), w.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("train: %s: %w", StandardFile, err)
	}
	return file.Bytes(), nil
}

// decodeStandard reads the content of [StandardFile], for the vector of a configuration.
func decodeStandard(data []byte, v dist.Vector) (s dist.Standard, err error) {
	i := bytes.IndexByte(data, '\n') + 1 // after the header
	body := data[i:]
	for at := 0; at+4 <= len(body); at += 4 {
		s.Mean = append(s.Mean, float64(math.Float32frombits(binary.LittleEndian.Uint32(body[at:]))))
	}
	n := len(s.Mean)
	if s.Vector = v; v.IsZero() {
		n /= 2
		s.Mean, s.Deviation = s.Mean[:n:n], s.Mean[n:]
	}
	if again, err := encodeStandard(s); err != nil || n == 0 || !bytes.Equal(again, data) {
		return s, errors.New("it is not the array of means and deviations that a run writes")
	}
	return s, nil
}

// standardIn returns the standard of the run in a folder, as its configuration says: the zero value where rows are not
// standardised.
func (c Config) standardIn(dir string) (dist.Standard, error) {
	s := c.Standard()
	if !c.Data.byStatistics() {
		return s, nil
	}
	path := filepath.Join(dir, StandardFile)
	data, err := readfile.Bytes(path, 8*dist.MaxStandardColumns+1<<10)
	if errors.Is(err, fs.ErrNotExist) {
		return s, fmt.Errorf("train: %s is missing, by which the run standardises its rows: restore it: %w: %w", path, ErrResume, err)
	}
	if err != nil {
		return s, fmt.Errorf("train: %w", err)
	}
	s, err = decodeStandard(data, c.Data.Vector.dist())
	if sum := hashOf(data); err == nil && sum != c.Data.StandardSum {
		err = fmt.Errorf("its SHA-256 is %s, the configuration has %s", sum, c.Data.StandardSum)
	}
	if err != nil {
		return s, fmt.Errorf("train: %s is damaged: %w: restore it, or start a new run: %w", path, err, ErrResume)
	}
	return s, nil
}

// Standard returns what the configuration itself says of standardised rows: everything except means and deviations.
func (c Config) Standard() dist.Standard {
	return dist.Standard{Log: c.Data.Standardise == dist.StandardLog, Vector: c.Data.Vector.dist()}
}

// standardise computes the statistics of the rows trained on, where the configuration asks for them.
func (r *run) standardise() error {
	r.config.Data.StandardSum = ""
	if !r.config.Data.byStatistics() {
		return nil
	}
	var s dist.Standard
	var err error
	if v := r.config.Data.Vector.dist(); !v.IsZero() {
		s, err = vectorOf(r.training, v)
	} else {
		s, err = standardOf(r.training, r.config.Data.Standardise)
	}
	if err != nil {
		return err
	}
	data, err := encodeStandard(s)
	if err != nil {
		return err
	}
	r.standard, r.config.Data.StandardSum = data, hashOf(data)
	r.trained.Config, r.trained.Model.Standard = r.config, s
	return nil
}

// keepStandard takes the statistics of the run that is continued.
func (r *run) keepStandard(old Config) error {
	s, err := old.standardIn(r.options.Out)
	if err != nil || !old.Data.byStatistics() {
		return err
	}
	r.standard, r.config.Data.StandardSum = nil, old.Data.StandardSum
	r.trained.Config, r.trained.Model.Standard = r.config, s
	return nil
}

// writeStandard writes standard.npy.
func writeStandard(root *os.Root, data []byte) error {
	if data == nil {
		return nil
	}
	if err := atomicfile.WriteIn(root, StandardFile, 0o644, data); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

// inputs returns rows to verify the encoder with, in the units of the training rows.
func (t Trained) inputs(made func(batch int) []onnxtensor.Tensor) func(batch int) []onnxtensor.Tensor {
	s := t.Model.Standard
	if len(s.Deviation) == 0 { // vectors may lie anywhere
		return made
	}
	return func(batch int) []onnxtensor.Tensor {
		tensors := made(batch)
		for _, tensor := range tensors {
			rows, _ := tensor.Data.([]float32)
			for width := t.Model.Width(); len(rows) >= width; rows = rows[width:] {
				s.Undo(rows[:width], rows[:width])
			}
		}
		return tensors
	}
}

// manifestStandard is the manifest's entry, nil where rows are not standardised.
func (t Trained) manifestStandard() *bundle.Standard { return bundle.StandardOf(t.Model.Standard) }
