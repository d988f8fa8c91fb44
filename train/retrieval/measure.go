package retrieval

import (
	"context"
	"errors"
	"fmt"
)

// Figures are means over the queries, within [0, 1]. Those that a measurement leaves out are nil.
type Figures struct {
	// Precision is precision@k: the share of the k first ranks that have the query's label.
	Precision *float64 `json:"precision,omitempty"`
	// MeanAP is the mean average precision over the whole ranking. With R rows of the query's label among those that may be found, and
	// h(i) of them within the first i ranks,
	//
	//	AP = 1/R Σ h(i)/i   over the ranks i that have the query's label
	MeanAP *float64 `json:"map,omitempty"`
	// Accuracy is the share of queries whose label is the one that most of the k first ranks have. Of labels with equally many the one
	// that comes first in the ranking is taken.
	Accuracy *float64 `json:"knn_accuracy,omitempty"`
	// Recall is recall@k: the share of a query's k nearest rows of the floats that are among the k first ranks.
	Recall *float64 `json:"recall,omitempty"`
	// RecallWithin is the share of the same rows that are among more first ranks.
	RecallWithin *float64 `json:"recall_within,omitempty"`
}

// ErrLabels is wrapped by the error for labels by which no query can be judged.
var ErrLabels = errors.New("no query has a label that another row has")

// Measure ranks all rows of a space for each query, and compares the rankings with labels and with the nearest rows of the floats. Labels
// are the rows', -1 for none; nil leaves out what needs them. truth is what [Nearest] gave; nil leaves recall out. A query without a
// label, or without another row of its label that it may find, is left out of the figures of labels; it is an error if all are.
func Measure(ctx context.Context, s Space, labels []int, truth [][]int32, p Protocol) (Figures, error) {
	if labels != nil && len(labels) != s.Len() {
		return Figures{}, fmt.Errorf("retrieval: %d labels of %d rows", len(labels), s.Len())
	}
	if truth != nil && len(truth) != len(p.Queries) {
		return Figures{}, fmt.Errorf("retrieval: nearest rows of %d queries, and there are %d", len(truth), len(p.Queries))
	}
	each := make([]scores, len(p.Queries))
	err := rank(ctx, s, p, func(r ranked) {
		if labels != nil {
			each[r.at].byLabel(r, labels, p)
		}
		if truth != nil {
			each[r.at].byFloats(r, truth[r.at], p)
		}
	})
	if err != nil {
		return Figures{}, err
	}
	var sum scores // in the queries' order: the same on any number of cores
	judged := 0.0
	for _, q := range each {
		sum.recall += q.recall
		sum.within += q.within
		if q.labelled {
			judged++
			sum.precision += q.precision
			sum.ap += q.ap
			sum.right += q.right
		}
	}
	var f Figures
	mean := func(to **float64, wanted int, sum, n float64) {
		if wanted > 0 {
			m := sum / n
			*to = &m
		}
	}
	if labels != nil {
		if judged == 0 {
			return f, fmt.Errorf("retrieval: %w: give rows with labels, or measure without them", ErrLabels)
		}
		mean(&f.Precision, p.At, sum.precision, judged)
		mean(&f.MeanAP, 1, sum.ap, judged)
		mean(&f.Accuracy, p.Votes, sum.right, judged)
	}
	if truth != nil {
		mean(&f.Recall, p.Recall, sum.recall, float64(len(each)))
		mean(&f.RecallWithin, p.Within, sum.within, float64(len(each)))
	}
	return f, nil
}

// scores are one query's figures.
type scores struct {
	labelled             bool
	precision, ap, right float64
	recall, within       float64
}

// byLabel judges a ranking by labels.
func (s *scores) byLabel(r ranked, labels []int, p Protocol) {
	label := labels[r.query]
	if label == -1 {
		return
	}
	hits, sum := 0, 0.0
	first := min(p.At, len(r.order))
	for i, row := range r.order {
		if labels[row] == label {
			hits++
			sum += float64(hits) / float64(i+1)
		}
		if i+1 == first {
			s.precision = float64(hits) / float64(first)
		}
	}
	if hits == 0 {
		return
	}
	s.labelled, s.ap = true, sum/float64(hits)
	if vote(r.order[:min(p.Votes, len(r.order))], labels) == label {
		s.right = 1
	}
}

// vote returns the label that most rows have; of several, that of the first row. Rows without a label have no vote.
func vote(rows []int32, labels []int) int {
	best, most := -1, 0
	for i, row := range rows {
		label, votes := labels[row], 0
		if label == -1 {
			continue
		}
		for _, other := range rows[i:] { // all of them from the first row with the label on, fewer from a later one
			if labels[other] == label {
				votes++
			}
		}
		if votes > most {
			best, most = label, votes
		}
	}
	return best
}

// byFloats judges a ranking by the nearest rows of the floats.
func (s *scores) byFloats(r ranked, truth []int32, p Protocol) {
	share := func(ranks int) float64 {
		found := 0
		for _, row := range r.order[:min(ranks, len(r.order))] {
			for _, want := range truth {
				if row == want {
					found++
				}
			}
		}
		return float64(found) / float64(len(truth))
	}
	s.recall, s.within = share(p.Recall), share(p.Within)
}

// Nearest returns the p.Recall nearest rows of each query, in order; all that there are where they are fewer. Of rows that are equally
// near, which are copies as a rule, a random one comes first.
func Nearest(ctx context.Context, s Space, p Protocol) ([][]int32, error) {
	nearest := make([][]int32, len(p.Queries))
	err := rank(ctx, s, p, func(r ranked) {
		nearest[r.at] = append([]int32(nil), r.order[:min(p.Recall, len(r.order))]...)
	})
	return nearest, err
}
