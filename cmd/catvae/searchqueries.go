package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/cmd/internal/codefile"
	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/cmd/internal/vectors"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/runtime"
)

// searchQueries are the flags that say what is searched for.
type searchQueries struct {
	Queries string   `help:"What to search for: codes, in the same forms as --codes; floats as infer --codes query writes them, NPY of [rows, bits] or [rows, variables, categories]; or with --model rows, in any form that infer reads." placeholder:"FILE|DIR" xor:"queries" required:""`
	Row     repeated `help:"Row of --codes or --index to search for, by its id where the file has ids, or its number from 0; may be repeated." placeholder:"ID" xor:"queries" required:""`
	Find    repeated `help:"A text to search for, with --model and an embedder; may be repeated." placeholder:"TEXT" xor:"queries" required:""`
	Model   string   `help:"Run folder or bundle that encodes --queries, which are rows then." placeholder:"RUN|BUNDLE"`
	textFlags
	Split string `help:"With --model, which rows of MNIST's folder or of glyphs: train or test." default:"test" enum:"train,test"`
	Score string `help:"By what codes are near: hamming, the number of bits that differ; query, the score that floats give a code; or auto: query where queries are floats or rows, else hamming." default:"auto" enum:"auto,hamming,query"`
}

// Words of --score.
const (
	scoreHamming = "hamming"
	scoreQuery   = "query"
)

// repeated are the values of a flag that may be repeated, byte for byte: kong takes lists of texts apart at commas, and changes what is not UTF-8.
type repeated struct{ list []string }

// Decode implements kong.MapperValue.
func (r *repeated) Decode(ctx *kong.DecodeContext) error {
	text, err := ctx.Scan.PopValue("text")
	if err == nil {
		r.list = append(r.list, text.String())
	}
	return err
}

// queries are what is searched for: codes or floats.
type queries struct {
	source string
	names  []string

	codes       []byte
	bytes       int  // of a code
	categorical bool // codes are index codes

	floats  []float32
	numbers int   // of a query
	shape   []int // of a query: bits, or variables and categories

	rows    []int     // of the codes searched in, where queries are some of them
	vectors []float32 // the rows that were encoded
}

// read returns the queries.
func (c searchQueries) read(ctx context.Context, env cli.Env, backend cli.Backend, all *codefile.Codes, text string) (*queries, error) {
	switch {
	case len(c.Find.list) > 0:
		return c.texts(ctx, env, backend, all)
	case c.Queries == "":
		return c.fromRows(all)
	case c.Model != "":
		return c.encoded(ctx, env, backend, all)
	case vectors.IsFloats(ctx, c.Queries):
		return c.fromFloats(ctx)
	}
	from, err := codefile.Read(ctx, c.Queries, text)
	if err != nil {
		return nil, err
	}
	q := &queries{source: c.Queries, codes: from.Packed, bytes: from.Bytes}
	for row := range from.Len() {
		q.names = append(q.names, from.ID(row))
	}
	return q, nil
}

// fromRows returns codes that are searched in.
func (c searchQueries) fromRows(all *codefile.Codes) (*queries, error) {
	if len(c.Row.list) == 0 {
		return nil, fmt.Errorf("%w: --row names no row", cli.ErrUsage)
	}
	q := &queries{source: all.Source, bytes: all.Bytes}
	for _, id := range c.Row.list {
		rows, err := find(all, id)
		if err != nil {
			return nil, fmt.Errorf("%w: --row %s: %w", cli.ErrUsage, id, err)
		}
		for _, row := range rows {
			q.names, q.rows = append(q.names, all.ID(row)), append(q.rows, row)
			q.codes = append(q.codes, all.Packed[row*all.Bytes:][:all.Bytes]...)
		}
	}
	return q, nil
}

// find returns the row that an id means, or the rows of numbers that are separated by commas.
func find(all *codefile.Codes, id string) (rows []int, err error) {
	row, err := all.Find(id)
	if err == nil {
		return []int{row}, nil
	}
	for number := range strings.SplitSeq(id, ",") {
		if _, no := strconv.Atoi(number); no != nil || number == id {
			return nil, err
		}
		row, err := all.Find(number)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// fromFloats reads an NPY file of floats.
func (c searchQueries) fromFloats(ctx context.Context) (*queries, error) {
	v, err := vectors.Open(ctx, c.Queries)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	if len(v.Shape) > 3 {
		return nil, fmt.Errorf("%s has the shape %v: queries are [rows, bits] or [rows, variables, categories]: %w", c.Queries, v.Shape, dataset.ErrData)
	}
	q := &queries{source: c.Queries, numbers: v.Width(), shape: v.Shape[1:]}
	q.floats, err = v.Rows()
	for row := range v.Len() {
		q.names = append(q.names, strconv.Itoa(row))
	}
	return q, err
}

// texts encodes the texts of --find, which are called by themselves.
func (c searchQueries) texts(ctx context.Context, env cli.Env, backend cli.Backend, all *codefile.Codes) (*queries, error) {
	if c.Model == "" {
		return nil, fmt.Errorf("%w: --find wants --model, and an embedder, which make a code of the text", cli.ErrUsage)
	}
	for _, text := range c.Find.list {
		if strings.ContainsAny(text, "\r\n") {
			return nil, fmt.Errorf("%w: --find %q: a text is one line", cli.ErrUsage, visible.Name(text))
		}
	}
	if c.Column != "" || c.IDColumn != "" {
		return nil, fmt.Errorf("%w: --column and --id-column are of --queries", cli.ErrUsage)
	}
	c.Queries, c.always = dataset.Stdin, true
	q, err := c.encoded(ctx, env, backend, all)
	if err == nil {
		q.source, q.names = "--find", c.Find.list
	}
	return q, err
}

// encoded encodes rows: as floats, or where the Hamming distance is asked for as codes of the kind that is searched in.
func (c searchQueries) encoded(ctx context.Context, env cli.Env, backend cli.Backend, all *codefile.Codes) (q *queries, err error) {
	on, err := backend.Open(ctx, env, false)
	if err != nil {
		return nil, err
	}
	model, err := openModel(ctx, c.Model, on)
	if err != nil {
		return nil, err
	}
	defer model.Close()
	in, latent := model.Manifest().Input, model.Manifest().Latent
	texts, closeTexts, err := c.textFlags.open(ctx, on, c.Model, env.Stderr)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeTexts()) }()
	var stdin io.Reader // nil is standard input itself
	if len(c.Find.list) > 0 {
		stdin = strings.NewReader(strings.Join(c.Find.list, "\n"))
	}
	set, err := dataset.Load(ctx, c.Queries, dataset.Options{
		Texts: texts.Dataset(), Stdin: stdin,
		Split: dataset.Split(c.Split), Seed: 1, Image: infer.Pictures(in), Values: infer.ValuesOf(in, 0), Shape: in.RowShape(),
		Table: infer.LikeTrained(dataset.Table{}, in), IDs: true,
	})
	if err != nil {
		return nil, withBadHint(infer.WithDivideHint(err))
	}
	if err := takes(in, set); err != nil {
		return nil, err
	}
	q = &queries{source: c.Queries, vectors: make([]float32, set.Len()*set.RowSize())}
	for row := range set.Len() {
		set.Row(row, q.vectors[row*set.RowSize():][:set.RowSize()])
		q.names = append(q.names, set.ID(row))
	}
	q.numbers, q.shape = latent.Bits(), latent.Dist().CodeShape()
	q.categorical = all.Bytes == latent.Variables && all.Bytes != latent.PackedBytes()
	if q.bytes = latent.PackedBytes(); q.categorical {
		q.bytes = latent.Variables
	}
	for rows := q.vectors; len(rows) > 0 && err == nil; rows = rows[min(encodedRows*set.RowSize(), len(rows)):] {
		batch := rows[:min(encodedRows*set.RowSize(), len(rows))]
		switch {
		case c.Score != scoreHamming:
			q.floats, err = model.Query(ctx, q.floats, batch)
		case q.categorical:
			q.codes, err = model.Indexes(ctx, q.codes, batch)
		default:
			q.codes, err = model.Encode(ctx, q.codes, batch)
		}
	}
	return q, err
}

// encodedRows is how many rows go through the encoder at once.
const encodedRows = runtime.DefaultBatch
