package rivals

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
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
	Standard dist.Standard // of rows, before distances are measured, and before rivals are fitted to them; of vectors for rivals alone
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
	m, err := newMeasurement(concatenated(sets), o)
	if err != nil {
		return Comparison{}, err
	}
	packed, err := m.rows.encoded(ctx, model, o.Progress)
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
	if r.count < Least {
		return nil, fmt.Errorf("rivals: retrieval of %d rows: give %d or more", r.count, Least)
	}
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

// nearest finds the nearest rows by the rows themselves.
func (m *measurement) nearest(ctx context.Context) (err error) {
	if m.rows.count*m.rows.width > maxFloats {
		m.out.LeftOut = append(m.out.LeftOut, fmt.Sprintf("floats: %d rows of %d values are more than are held in memory", m.rows.count, m.rows.width))
		return nil
	}
	values := make([]float32, m.rows.count*m.rows.width)
	for i := range m.rows.count {
		m.rows.measured(m.options.Standard, i, values[i*m.rows.width:][:m.rows.width])
	}
	if m.space, err = retrieval.NewFloats(values, m.rows.width, m.options.Metric); err != nil {
		return err
	}
	m.truth, err = retrieval.Nearest(ctx, m.space, m.protocol)
	return err
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
	if errors.Is(err, retrieval.ErrLabels) { // of every code
		m.labels, m.out.Labels = nil, false
		m.out.LeftOut = append(m.out.LeftOut, fmt.Sprintf("figures by labels: %v", retrieval.ErrLabels))
		return m.measure(ctx, r, space, truth)
	}
	m.out.Rows = append(m.out.Rows, r)
	return err
}

// rivals measures the rivals.
func (m *measurement) rivals(ctx context.Context, bits int, fit *dataset.Set) error {
	training, of := m.rows, "of the rows that are measured"
	if fit != nil {
		training, of = concatenated([]*dataset.Set{fit}), "rows of "+fit.Source
	}
	n, leftOut, err := m.rows.rivals(ctx, bits, training, m.options, func(name string, packed []byte, bits int) error {
		return m.codes(ctx, name, packed, bits)
	})
	m.out.LeftOut = append(m.out.LeftOut, leftOut...)
	if n > 0 {
		m.out.Fitted = fmt.Sprintf("%d %s", n, of)
	}
	return err
}

// floats measures the rows themselves, by labels.
func (m *measurement) floats(ctx context.Context) error {
	if m.space == nil || m.labels == nil {
		return nil
	}
	return m.measure(ctx, Row{Name: "floats"}, m.space, nil)
}
