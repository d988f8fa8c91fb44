//go:build unix

package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"archive/zip"
)

// An input is a form that rows come in.
type input struct {
	name  string
	file  string // file or folder
	look  string // what is read: the file itself, or one beneath the folder
	write func(b *bench, ctx context.Context, path string, rows int) error
}

var inputs = []input{
	{name: "IDX", file: "rows.idx", write: (*bench).writeIDX},
	{name: "IDX in gzip", file: "rows.idx.gz", write: (*bench).writeGzip},
	{name: "NPY", file: "rows.npy", write: func(b *bench, ctx context.Context, path string, n int) error { return b.writeFloats(ctx, path, n, nil) }},
	{name: "NPZ", file: "rows.npz", write: (*bench).writeNPZ},
	{name: "CSV", file: "rows.csv", write: func(b *bench, ctx context.Context, path string, n int) error {
		return b.writeCSV(ctx, path, n, nil)
	}},
	{name: "Parquet", file: "rows.parquet", write: (*bench).writeParquet},
	{name: "pictures", file: "pictures", look: pictureName(100), write: func(b *bench, ctx context.Context, path string, n int) error {
		return b.writePNGs(ctx, path, n, nil)
	}},
}

// make writes the input's rows where they are not there yet, and returns the file.
func (i input) make(ctx context.Context, b *bench, rows int) (string, error) {
	path := b.path(i.file)
	if exists(path) {
		return path, nil
	}
	return path, i.write(b, ctx, path, rows)
}

func (b *bench) writeIDX(ctx context.Context, path string, n int) error {
	return b.source.WriteIDX(ctx, path, n)
}

func (b *bench) writeGzip(ctx context.Context, path string, n int) error {
	plain := path + ".plain"
	defer os.Remove(plain)
	if err := b.writeIDX(ctx, plain, n); err != nil {
		return err
	}
	return copyInto(path, plain, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, gzip.BestSpeed) })
}

func (b *bench) writeNPZ(ctx context.Context, path string, n int) error {
	plain := path + ".plain"
	defer os.Remove(plain)
	if err := b.writeFloats(ctx, plain, n, nil); err != nil {
		return err
	}
	return copyInto(path, plain, func(w io.Writer) (io.WriteCloser, error) {
		archive := zip.NewWriter(w)
		member, err := archive.CreateHeader(&zip.FileHeader{Name: "x.npy", Method: zip.Deflate})
		return struct {
			io.Writer
			io.Closer
		}{member, archive}, err
	})
}

// copyInto writes a file that holds another one, packed.
func copyInto(path, from string, pack func(io.Writer) (io.WriteCloser, error)) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	to, err := os.Create(path)
	if err != nil {
		return err
	}
	defer to.Close()
	w, err := pack(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return errors.Join(err, w.Close(), to.Close())
}

// writeParquet writes a binary column of a row's bytes.
func (b *bench) writeParquet(ctx context.Context, path string, n int) error {
	column := array.NewBinaryBuilder(memory.DefaultAllocator, arrow.BinaryTypes.Binary)
	defer column.Release()
	if err := b.source.Each(ctx, n, func(_ int, row []byte) error { column.Append(bytes.Clone(row)); return nil }); err != nil {
		return err
	}
	values := column.NewArray()
	defer values.Release()
	schema := arrow.NewSchema([]arrow.Field{{Name: "row", Type: arrow.BinaryTypes.Binary}}, nil)
	batch := array.NewRecordBatch(schema, []arrow.Array{values}, int64(n))
	defer batch.Release()
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	w, err := pqarrow.NewFileWriter(schema, file, nil, pqarrow.DefaultWriterProps())
	if err != nil {
		return err
	}
	return errors.Join(w.Write(batch), w.Close()) // which closes the file
}

// looked is the file beneath the input that is read.
func (i input) looked(path string) string { return filepath.Join(path, i.look) }
