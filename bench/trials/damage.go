//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"github.com/catvae/catvae/bench/internal/rows"
	"github.com/catvae/catvae/dataset"
)

// damages is the number of kinds of damage in each form.
const damages = 4

func pictureName(row int) string { return fmt.Sprintf("%06d.png", row) }

// writePNGs writes a picture a row. Where rows are damaged only those are written, over the good ones.
func (b *bench) writePNGs(ctx context.Context, dir string, n int, damaged map[int]int) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return b.source.Each(ctx, n, func(i int, row []byte) error {
		kind, hit := damaged[i]
		if damaged != nil && !hit {
			return nil
		}
		height := rows.Side
		if hit && kind == 0 {
			height-- // another size
		}
		var file bytes.Buffer
		picture := &image.Gray{Pix: row[:height*rows.Side], Stride: rows.Side, Rect: image.Rect(0, 0, rows.Side, height)}
		if err := png.Encode(&file, picture); err != nil {
			return err
		}
		content := file.Bytes()
		if hit {
			switch kind {
			case 1:
				content = content[:len(content)/2]
			case 2:
				content = nil
			case 3:
				content = []byte("not a picture\n")
			}
		}
		return os.WriteFile(filepath.Join(dir, pictureName(i)), content, 0o644)
	})
}

// writeCSV writes bytes as numbers, a line a row.
func (b *bench) writeCSV(ctx context.Context, path string, n int, damaged map[int]int) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	w := bufio.NewWriterSize(file, 1<<20)
	var text []byte
	err = b.source.Each(ctx, n, func(i int, row []byte) error {
		text = text[:0]
		kind, hit := damaged[i]
		for j, x := range row {
			if j > 0 {
				text = append(text, ',')
			}
			switch {
			case hit && j == 300 && kind == 0:
				text = append(text, "NaN"...)
			case hit && j == 300 && kind == 1:
				text = append(text, "inf"...)
			default:
				text = strconv.AppendUint(text, uint64(x), 10)
			}
			if hit && j == rows.Size-2 && kind == 2 {
				break // a column less
			}
		}
		if hit && kind == 3 {
			text = append(text, ",0"...) // a column more
		}
		_, err := w.Write(append(text, '\n'))
		return err
	})
	return errors.Join(err, w.Flush(), file.Close())
}

// writeFloats writes pixels as an NPY file of floats. Its columns cannot be damaged, so there are two more bad values.
func (b *bench) writeFloats(ctx context.Context, path string, n int, damaged map[int]int) error {
	broken := [damages]float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1.5}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	w := bufio.NewWriterSize(file, 1<<20)
	npy, err := dataset.NewNPYWriter(w, "float32", n, rows.Size)
	if err != nil {
		return err
	}
	values := make([]float32, rows.Size)
	err = b.source.Each(ctx, n, func(i int, row []byte) error {
		for j, x := range row {
			values[j] = float32(x)
		}
		if kind, hit := damaged[i]; hit {
			values[300] = broken[kind]
		}
		return npy.WriteFloats(values)
	})
	return errors.Join(err, npy.Close(), w.Flush(), file.Close())
}
