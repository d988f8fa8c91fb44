package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/catvae/catvae/cmd/internal/codefile"
	"github.com/catvae/catvae/codes"
)

// matches are what a search found for each query.
type matches struct {
	of     [][]codes.Match
	scores bool // not distances
}

// first returns the k nearest of each query.
func (m matches) first(k int) matches {
	nearest := matches{make([][]codes.Match, len(m.of)), m.scores}
	for i, all := range m.of {
		nearest.of[i] = all[:min(k, len(all))]
	}
	return nearest
}

func (c searchCommand) print(w io.Writer, all *codefile.Codes, names []string, found matches) error {
	out := bufio.NewWriter(w)
	table, lines := csv.NewWriter(out), json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	if !c.JSON {
		record := []string{"query", "rank", "row", "id", "distance"}
		if found.scores {
			record[4] = "score"
		}
		if all.IDs == nil {
			record = append(record[:3], record[4])
		}
		if err := table.Write(record); err != nil {
			return err
		}
	}
	for i, matches := range found.of {
		for rank, m := range matches {
			line := newMatchLine(all, names[i], rank+1, m, found.scores)
			var err error
			if c.JSON {
				err = lines.Encode(line)
			} else {
				err = table.Write(line.record())
			}
			if err != nil {
				return err
			}
		}
	}
	table.Flush()
	return errors.Join(table.Error(), out.Flush())
}

// matchLine is what is printed of a code that was found.
type matchLine struct {
	Query    any      `json:"query"`
	Rank     int      `json:"rank"`
	Row      int      `json:"row"`
	ID       any      `json:"id,omitempty"`
	Distance *int     `json:"distance,omitempty"`
	Score    *float32 `json:"score,omitempty"`

	query, id string
}

func newMatchLine(all *codefile.Codes, query string, rank int, m codes.Match, scores bool) matchLine {
	line := matchLine{Query: number(query), Rank: rank, Row: m.Row, query: query}
	if all.IDs != nil {
		line.id = all.IDs[m.Row]
		line.ID = number(line.id)
	}
	if scores {
		line.Score = &m.Score
	} else {
		line.Distance = &m.Distance
	}
	return line
}

// record returns the line as fields of CSV.
func (l matchLine) record() []string {
	record := []string{l.query, strconv.Itoa(l.Rank), strconv.Itoa(l.Row)}
	if l.ID != nil {
		record = append(record, l.id)
	}
	if l.Score != nil {
		return append(record, strconv.FormatFloat(float64(*l.Score), 'g', -1, 32))
	}
	return append(record, strconv.Itoa(*l.Distance))
}

// number returns a whole number as one, and any other id as it is.
func number(id string) any {
	if n, err := strconv.Atoi(id); err == nil && strconv.Itoa(n) == id {
		return n
	}
	return id
}

// printRecall prints how much of the k true neighbours was found: within the k nearest codes, within the first codes, and within the k
// nearest after rescoring.
func (c searchCommand) printRecall(w io.Writer, truth [][]int, found, nearest matches) error {
	first := c.first(c.K)
	r := struct {
		Queries  int      `json:"queries"`
		K        int      `json:"k"`
		Recall   float64  `json:"recall"`
		First    int      `json:"first"`
		Within   float64  `json:"within_first"`
		Rescored *float64 `json:"rescored,omitempty"`
	}{Queries: len(truth), K: c.K, First: first, Recall: share(truth, found.first(c.K)), Within: share(truth, found)}
	if c.Rescore != "" {
		rescored := share(truth, nearest)
		r.Rescored = &rescored
	}
	if c.JSON {
		return json.NewEncoder(w).Encode(r)
	}
	text := fmt.Sprintf("queries          %d\nrecall@%-9d %.4f\n", r.Queries, r.K, r.Recall)
	if first > c.K || c.Rescore != "" {
		text += fmt.Sprintf("within first %-3d %.4f\n", first, r.Within)
	}
	if r.Rescored != nil {
		text += fmt.Sprintf("rescored         %.4f\n", *r.Rescored)
	}
	_, err := io.WriteString(w, text)
	return err
}

// share returns the mean share of true rows that were found.
func share(truth [][]int, found matches) float64 {
	sum := 0.0
	for i, rows := range truth {
		wanted := map[int]bool{}
		for _, row := range rows {
			wanted[row] = true
		}
		hit := 0
		for _, m := range found.of[i] {
			if wanted[m.Row] {
				hit++
			}
		}
		sum += float64(hit) / float64(max(1, len(wanted)))
	}
	return sum / float64(max(1, len(truth)))
}
