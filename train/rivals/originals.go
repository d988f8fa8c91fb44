package rivals

import (
	"context"
	"fmt"
	"strings"

	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/train/retrieval"
)

// A Finding has the figures of the codes of one name: how changed rows find their originals.
type Finding struct {
	Name      string             `json:"name"` // "model", or a rival's
	Bits      int                `json:"bits"`
	Recall    map[string]float64 `json:"recall_at_1"` // by the names of changes
	RecallAll float64            `json:"recall_at_1_all"`
	MicroAP   float64            `json:"micro_ap"` // of all changes together
}

// A Searching is a change as [Originals] has it.
type Searching struct {
	Name    string `json:"name"`
	Source  string `json:"source"`
	Queries int    `json:"queries"`
}

// Originals say how well changed rows find what they were made of, by the codes of a model and of its rivals.
type Originals struct {
	Protocol string      `json:"protocol"` // in words
	Source   string      `json:"source"`   // of the rows that are searched
	Base     int         `json:"base"`     // how many they are
	Changes  []Searching `json:"changes"`
	Fitted   string      `json:"fitted_to,omitempty"` // what the rivals were fitted to, in words
	Codes    []Finding   `json:"codes"`
	// LeftOut says which rivals were not compared, and why.
	LeftOut []string `json:"left_out,omitempty"`
}

// FindOriginals measures how the changed rows find their originals in base, see [retrieval.Originals]: by a model's codes of so many bits, and by
// its rivals', which are fitted to base. Of the options it takes Rivals, Standard, Seed and Progress.
func FindOriginals(ctx context.Context, model Encoder, bits int, base *dataset.Set, changes []Change, o Options) (Originals, error) {
	if err := Check(o.Rivals); err != nil {
		return Originals{}, err
	}
	out := Originals{
		Protocol: fmt.Sprintf("changed rows search all %d rows of %s, by the Hamming distance, for the one of their name; of rows equally near all orders count alike", base.Len(), base.Source),
		Source:   base.Source, Base: base.Len(),
	}
	sets := []*dataset.Set{base}
	for _, c := range changes {
		sets = append(sets, c.Set)
		out.Changes = append(out.Changes, Searching{c.Name, c.Set.Source, c.Set.Len()})
	}
	rows := concatenated(sets)
	packed, err := rows.encoded(ctx, model, o.Progress)
	if err != nil {
		return Originals{}, err
	}
	find := func(name string, packed []byte, bits int) error {
		f, err := found(ctx, name, packed, bits, base.Len(), changes)
		out.Codes = append(out.Codes, f)
		return err
	}
	if err := find("model", packed, bits); err != nil {
		return Originals{}, err
	}
	n, leftOut, err := rows.rivals(ctx, bits, concatenated(sets[:1]), o, find)
	if n > 0 {
		out.Fitted = fmt.Sprintf("%d rows of %s", n, base.Source)
	}
	out.LeftOut = leftOut
	return out, err
}

// found measures packed codes of the rows that are searched, then of each change's.
func found(ctx context.Context, name string, packed []byte, bits, base int, changes []Change) (f Finding, err error) {
	take := func(rows int) (*retrieval.Codes, error) {
		part := packed[:rows*codes.Bytes(bits)]
		packed = packed[len(part):]
		return retrieval.NewCodes(part, bits)
	}
	space, err := take(base)
	if err != nil {
		return f, err
	}
	searching := make([]retrieval.Changed, len(changes))
	for i, c := range changes {
		searching[i].Originals = c.Originals
		if searching[i].Codes, err = take(c.Set.Len()); err != nil {
			return f, err
		}
	}
	figures, err := retrieval.Originals(ctx, space, searching)
	if err != nil {
		return f, err
	}
	f = Finding{Name: name, Bits: bits, Recall: map[string]float64{}, RecallAll: figures.RecallAll, MicroAP: figures.MicroAP}
	for i, c := range changes {
		f.Recall[c.Name] = figures.Recall[i]
	}
	return f, nil
}

// String returns a table, with the protocol above it.
func (o Originals) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-15s %s\n%-15s recall@1 of each change, and of all; micro-AP of all: one ranking of all pairs of a query and a row\n", "originals", o.Protocol, "")
	if o.Fitted != "" {
		fmt.Fprintf(&b, "%-15s rivals are fitted to %s\n", "", o.Fitted)
	}
	fmt.Fprintf(&b, "%-15s %5s", "", "bits")
	columns, all := make([]string, len(o.Changes)), 0
	for i, c := range o.Changes {
		columns[i] = visible.Name(c.Name)
		all += c.Queries
		fmt.Fprintf(&b, "  %5s", columns[i])
	}
	fmt.Fprintf(&b, "  %5s  micro-AP\n%-15s %5s", "all", "queries", "")
	for i, c := range o.Changes {
		fmt.Fprintf(&b, "  %*d", max(5, len(columns[i])), c.Queries)
	}
	fmt.Fprintf(&b, "  %5d\n", all)
	for _, f := range o.Codes {
		fmt.Fprintf(&b, "%-15s %5d", f.Name, f.Bits)
		for i, c := range o.Changes {
			fmt.Fprintf(&b, "  %*.3f", max(5, len(columns[i])), f.Recall[c.Name])
		}
		fmt.Fprintf(&b, "  %5.3f  %8.3f\n", f.RecallAll, f.MicroAP)
	}
	for _, why := range o.LeftOut {
		fmt.Fprintf(&b, "left out        %s\n", why)
	}
	return b.String()
}
