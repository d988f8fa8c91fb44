package rivals

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/imgrid"
	"github.com/catvae/catvae/internal/projection"
	"github.com/catvae/catvae/train/retrieval"
)

// An Encoder gives packed hard codes of rows: runtime.Model is one.
type Encoder interface {
	Encode(ctx context.Context, dst []byte, rows []float32) ([]byte, error)
}

// Options say how a model is compared.
type Options struct {
	Queries int    // rows that search
	Which   string // which: FirstRows, where it is empty, RandomRows, EachLabel or RandomEach
	Apart   bool   // queries search the rows that are no queries

	Rivals   []string      // names of [Names]; none are compared where it is empty
	Metric   string        // of the rows' own distances, retrieval.Cosine or retrieval.Euclidean
	Standard dist.Standard // of rows, before distances are measured, and before rivals are fitted to them
	Seed     uint64        // of ties, and of rivals

	At, Votes, Recall, Within int // see retrieval.Protocol; 0 means 100, 10, 10 and 100

	Progress func(done, total int) // rows that the model has encoded; may be nil
}

// Which rows search.
const (
	FirstRows  = "first"       // the first ones
	RandomRows = "random"      // drawn by the seed
	EachLabel  = "each"        // as many of each label, the first ones
	RandomEach = "each-random" // as many of each label, drawn by the seed
)

// A Row is what was measured of the codes of one name.
type Row struct {
	Name string `json:"name"` // "model", a rival's, or "floats": the rows themselves
	Bits int    `json:"bits,omitempty"`
	retrieval.Figures
}

// A Comparison has the figures of a model and its rivals.
type Comparison struct {
	Protocol string `json:"protocol"` // in words
	Queries  int    `json:"queries"`
	Base     int    `json:"base"` // among how many rows each searches
	At       int    `json:"precision_at"`
	Votes    int    `json:"knn"`
	Recall   int    `json:"recall_at"`
	Within   int    `json:"recall_within"`
	Metric   string `json:"metric"`
	Fitted   string `json:"fitted_to,omitempty"` // what the rivals were fitted to, in words
	Labels   bool   `json:"labels"`              // whether there are figures by labels
	Rows     []Row  `json:"codes"`
	// LeftOut says which rivals were not compared, and why.
	LeftOut []string `json:"left_out,omitempty"`
}

// maxFloats bounds the numbers of the rows in memory: 4 GiB. Where there are more, nothing that needs them is measured.
const maxFloats = 1 << 30

// Least is how many rows are compared at least.
const Least = 3

// Compare measures the retrieval of a model's codes, of its rivals' and of the rows themselves. The rows are those of all sets, of one
// shape, one set after the other. Rivals are fitted to rows of fit, or where it is nil to those measured.
func Compare(ctx context.Context, model Encoder, bits int, sets []*dataset.Set, fit *dataset.Set, o Options) (Comparison, error) {
	if err := Check(o.Rivals); err != nil {
		return Comparison{}, err
	}
	rows := concatenated(sets)
	if rows.count < Least {
		return Comparison{}, fmt.Errorf("rivals: retrieval of %d rows: give %d or more", rows.count, Least)
	}
	m, err := newMeasurement(rows, o)
	if err != nil {
		return Comparison{}, err
	}
	packed, err := m.encode(ctx, model, bits)
	if err != nil {
		return Comparison{}, err
	}
	if err := m.nearest(ctx); err != nil {
		return Comparison{}, err
	}
	if err := m.codes(ctx, "model", packed, bits); err != nil {
		return Comparison{}, err
	}
	if err := m.rivals(ctx, bits, fit); err != nil {
		return Comparison{}, err
	}
	if err := m.floats(ctx); err != nil {
		return Comparison{}, err
	}
	return m.out, nil
}

// A measurement is a comparison under way.
type measurement struct {
	rows     rows
	options  Options
	labels   []int // nil where there are none
	protocol retrieval.Protocol
	space    *retrieval.Floats // nil where the rows are too many
	truth    [][]int32
	out      Comparison
}

func newMeasurement(r rows, o Options) (m *measurement, err error) {
	m = &measurement{rows: r, options: o, labels: r.labels()}
	m.protocol = retrieval.Protocol{Apart: o.Apart, At: cmp.Or(o.At, 100), Votes: cmp.Or(o.Votes, 10), Recall: cmp.Or(o.Recall, 10), Within: cmp.Or(o.Within, 100), Seed: o.Seed}
	queries := min(o.Queries, r.sets[0].Len(), r.count-1)
	if o.Apart {
		queries = min(queries, r.count/2)
	}
	which := fmt.Sprintf("the first %d rows", queries)
	m.protocol.Queries = retrieval.First(queries)
	if o.Which == RandomRows {
		m.protocol.Queries = retrieval.Random(r.sets[0].Len(), queries, o.Seed)
		which = fmt.Sprintf("%d random rows", queries)
	}
	if o.Which == EachLabel || o.Which == RandomEach {
		if m.labels == nil {
			return nil, fmt.Errorf("rivals: as many queries of each label, and the rows of %s have none: take the first rows", r.sets[0].Source)
		}
		of, what := m.labels[:r.sets[0].Len()], "first"
		if o.Which == EachLabel {
			m.protocol.Queries, err = retrieval.FirstOfEach(of, o.Queries)
		} else {
			m.protocol.Queries, err = retrieval.RandomOfEach(of, o.Queries, o.Seed)
			what = "random"
		}
		if err != nil {
			return nil, err
		}
		queries = o.Queries
		which = fmt.Sprintf("%d queries, as many %s rows of each label,", queries, what)
	}
	p, base := m.protocol, m.protocol.Base(r.count)
	among := fmt.Sprintf("all %d rows, the query itself left out", r.count)
	if o.Apart {
		among = fmt.Sprintf("the other %d rows", base)
	}
	m.out = Comparison{
		Protocol: fmt.Sprintf("%s search %s, by the Hamming distance; rows equally near are in random order (seed %d)", which, among, p.Seed),
		Queries:  queries, Base: base, At: p.At, Votes: p.Votes, Recall: p.Recall, Within: p.Within, Metric: o.Metric, Labels: m.labels != nil,
	}
	return m, nil
}

// encode returns the model's codes.
func (m *measurement) encode(ctx context.Context, model Encoder, bits int) (packed []byte, err error) {
	const chunk = 256
	batch := make([]float32, 0, chunk*m.rows.width)
	for from := 0; from < m.rows.count; from += chunk {
		n := min(chunk, m.rows.count-from)
		batch = batch[:n*m.rows.width]
		for i := range n {
			m.rows.raw(from+i, batch[i*m.rows.width:][:m.rows.width])
		}
		if packed, err = model.Encode(ctx, packed, batch); err != nil {
			return nil, err
		}
		if m.options.Progress != nil {
			m.options.Progress(from+n, m.rows.count)
		}
	}
	return packed, nil
}

// nearest finds the nearest rows by the rows themselves.
func (m *measurement) nearest(ctx context.Context) (err error) {
	if m.rows.count*m.rows.width > maxFloats {
		m.out.LeftOut = append(m.out.LeftOut, fmt.Sprintf("floats: %d rows of %d values are more than are held in memory", m.rows.count, m.rows.width))
		return nil
	}
	values := make([]float32, m.rows.count*m.rows.width)
	for i := range m.rows.count {
		m.row(i, values[i*m.rows.width:][:m.rows.width])
	}
	if m.space, err = retrieval.NewFloats(values, m.rows.width, m.options.Metric); err != nil {
		return err
	}
	m.truth, err = retrieval.Nearest(ctx, m.space, m.protocol)
	return err
}

// row is a row as distances are measured, and as rivals take it.
func (m *measurement) row(i int, dst []float32) {
	m.rows.raw(i, dst)
	seen(m.options.Standard, dst)
}

// seen standardises a row in place, as the encoder's graph does where values have units of their own, or are counts. One mean and one
// deviation of all values change no rival's bits, and angles are those of the rows as they are.
func seen(s dist.Standard, row []float32) {
	switch s.Kind() {
	case dist.StandardColumn:
		s.Apply(row, row)
	case dist.StandardLog:
		for i, x := range row {
			row[i] = float32(math.Log1p(float64(x)))
		}
	}
}

// codes measures packed codes.
func (m *measurement) codes(ctx context.Context, name string, packed []byte, bits int) error {
	space, err := retrieval.NewCodes(packed, bits)
	if err != nil {
		return err
	}
	return m.measure(ctx, Row{Name: name, Bits: bits}, space, m.truth)
}

func (m *measurement) measure(ctx context.Context, r Row, space retrieval.Space, truth [][]int32) (err error) {
	if m.labels == nil && truth == nil {
		return nil
	}
	r.Figures, err = retrieval.Measure(ctx, space, m.labels, truth, m.protocol)
	m.out.Rows = append(m.out.Rows, r)
	return err
}

// rivals measures the rivals.
func (m *measurement) rivals(ctx context.Context, bits int, fit *dataset.Set) error {
	if len(m.options.Rivals) == 0 {
		return nil
	}
	if m.rows.width > maxFitWidth {
		m.out.LeftOut = append(m.out.LeftOut, fmt.Sprintf("rivals: rows of %d values are too wide to be fitted to", m.rows.width))
		return nil
	}
	training := m.rows
	if fit != nil {
		training = concatenated([]*dataset.Set{fit})
	}
	data, n, err := m.fitted(training)
	if err != nil {
		return err
	}
	m.out.Fitted = fmt.Sprintf("%d of the rows that are measured", n)
	if fit != nil {
		m.out.Fitted = fmt.Sprintf("%d rows of %s", n, fit.Source)
	}
	black, white := m.rows.sets[0].Values().Shades()
	in := input{rows: m.rows.count, width: m.rows.width, bits: bits, row: m.row, fit: data, picture: m.rows.raw, shape: m.rows.sets[0].Shape}
	in.format = imgrid.Of(in.shape)
	in.format.Black, in.format.White = black, white
	for _, name := range slices.Compact(slices.Sorted(slices.Values(m.options.Rivals))) {
		r := table[name]
		if why := r.unfit(in); why != "" {
			m.out.LeftOut = append(m.out.LeftOut, name+": "+why)
			continue
		}
		packed, bits, err := r.encode(ctx, in)
		if err != nil {
			return fmt.Errorf("rivals: %s: %w", name, err)
		}
		if err := m.codes(ctx, name, packed, bits); err != nil {
			return err
		}
	}
	return nil
}

// maxFitWidth bounds the values of a row that maps are fitted to: 64x64 pixels in colours, and some.
const maxFitWidth = 1 << 14

// fitted returns rows to fit rivals to, evenly taken, and how many.
func (m *measurement) fitted(from rows) (*projection.Data, int, error) {
	taken := projection.Taken(from.count, from.width)
	n := len(taken)
	r := projection.Rows{Count: n, Width: from.width, Values: make([]float32, n*from.width)}
	for i, row := range taken {
		from.raw(row, r.Row(i))
		seen(m.options.Standard, r.Row(i))
	}
	data, err := projection.NewData(r, projection.Seeded(m.options.Seed))
	return data, n, err
}

// floats measures the rows themselves, by labels.
func (m *measurement) floats(ctx context.Context) error {
	if m.space == nil || m.labels == nil {
		return nil
	}
	return m.measure(ctx, Row{Name: "floats"}, m.space, nil)
}

// rows are those of several sets.
type rows struct {
	sets  []*dataset.Set
	ends  []int // row after the last of each
	count int
	width int
}

func concatenated(sets []*dataset.Set) rows {
	r := rows{sets: sets, width: sets[0].RowSize()}
	for _, s := range sets {
		r.count += s.Len()
		r.ends = append(r.ends, r.count)
	}
	return r
}

// place returns in which set a row is, and which of its rows.
func (r rows) place(i int) (*dataset.Set, int) {
	k := 0
	for i >= r.ends[k] {
		k++
	}
	return r.sets[k], i - (r.ends[k] - r.sets[k].Len())
}

func (r rows) raw(i int, dst []float32) {
	s, at := r.place(i)
	s.Row(at, dst)
}

// labels returns the rows' labels, nil where they have none.
func (r rows) labels() []int {
	if !slices.ContainsFunc(r.sets, func(s *dataset.Set) bool { return s.Labels }) {
		return nil
	}
	labels, some := make([]int, r.count), false
	for i := range labels {
		s, at := r.place(i)
		labels[i] = s.Label(at)
		some = some || labels[i] != -1
	}
	if !some {
		return nil
	}
	return labels
}
