package explore

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"io"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/runtime/onnxruntime"
)

// Bounds of what a page that stands alone holds: a browser keeps all of it in memory.
const (
	MaxRows      = 2000     // rows
	maxRowBytes  = 32 << 20 // bytes of rows, before they are packed
	MaxCodes     = 100_000  // codes
	maxCodeBytes = 16 << 20 // bytes of codes
)

// Write writes the page that stands alone: one file with the bundle's graphs, onnxruntime-web, rows and codes in it. More rows and codes than such a
// page may hold are left out, from the end; what is in it says so.
func (e *Explorer) Write(ctx context.Context, w io.Writer, b *bundle.Bundle, web onnxruntime.Web) error {
	info := e.info(engineAlone)
	info.Runtime = "onnxruntime-web"
	if web.Pinned {
		info.Runtime += " " + onnxruntime.WebVersion
	}
	var parts []part
	add := func(name string, data []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, err := packed(name, data)
		parts = append(parts, p)
		return err
	}
	graphs := []string{bundle.EncoderFile, bundle.ThresholdFile, bundle.DecoderFile}
	if _, ok := b.Manifest.Files[bundle.LayersFile]; ok {
		graphs = append(graphs, bundle.LayersFile)
	}
	for _, name := range graphs {
		data, err := b.Graph(name)
		if err != nil {
			return err
		}
		if err := add(name, data); err != nil {
			return err
		}
	}
	if err := add("ort.mjs", web.Script); err != nil {
		return err
	}
	if err := add("ort.wasm", web.Wasm); err != nil {
		return err
	}
	if e.Rows != nil {
		e.holdRows(info.Rows)
		if err := add("rows", appendFloats(nil, e.rows(0, info.Rows.Count))); err != nil {
			return err
		}
	}
	if e.Codes != nil {
		if err := add("codes", e.holdCodes(info)); err != nil {
			return err
		}
	}
	page, err := assemble(info, parts)
	if err != nil {
		return err
	}
	_, err = w.Write(page)
	return err
}

// holdRows decides how many rows the page holds.
func (e *Explorer) holdRows(info *rowsInfo) {
	all := info.Count
	info.Count = max(1, min(all, MaxRows, maxRowBytes/4/e.Rows.RowSize()))
	if info.Count < all && info.Of == 0 {
		info.Of = all
	}
	if info.Names != nil {
		info.Names = info.Names[:info.Count]
	}
}

// holdCodes decides how many codes the page holds, says so with their names and rows, and returns them.
func (e *Explorer) holdCodes(info Info) []byte {
	rows := 0
	if info.Rows != nil {
		rows = info.Rows.Count
	}
	s := e.Codes.shelved(max(1, min(MaxCodes, maxCodeBytes/e.Codes.Bytes)), rows)
	if len(s.rows) < info.Codes.Count {
		info.Codes.Of = info.Codes.Count
	}
	info.Codes.Count, info.Codes.Names, info.Codes.Rows = len(s.rows), s.names, s.rows
	return s.packed
}

// packed packs data for the page.
func packed(name string, data []byte) (part, error) {
	var buf bytes.Buffer
	z, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err == nil {
		_, err = z.Write(data)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		return part{}, fmt.Errorf("explore: pack %s: %w", name, err)
	}
	return part{name, base64.StdEncoding.EncodeToString(buf.Bytes())}, nil
}
