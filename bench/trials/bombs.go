//go:build unix

package main

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

var bombsTrial = trial{
	name:    "bombs",
	promise: "A small file that unpacks to a large one takes no memory, whatever it claims.",
	does:    "PNGs of up to 16384x16384 pixels in a folder, read by two and by sixteen callers; headers of IDX, NPY and manifests that claim more than there is; lines without end, in gzip.",
	counts:  "runs",
	passes:  "Passes where the peak is below 400 MB and the run ends in a minute with 0, 1, 3 or 4.",
	short:   size{rows: 2, times: 1, most: 6},
	long:    size{rows: 20, times: 3},
	cases: func(b *bench, _ context.Context, s size) (ways []way, _ error) {
		for _, p := range pictureBombs {
			for _, callers := range []int{2, 16} {
				ways = append(ways, way{name: fmt.Sprintf("%s, %d callers", p.name, callers), try: func(ctx context.Context, _ *rand.Rand) (int, error) {
					dir, err := b.empty("pictures")
					if err != nil {
						return 0, err
					}
					file, err := p.png()
					if err != nil {
						return 0, err
					}
					for i := range s.rows {
						if err := os.WriteFile(filepath.Join(dir, pictureName(i)), file, 0o644); err != nil {
							return 0, err
						}
					}
					resizes, err := b.resizing(ctx)
					if err != nil {
						return 0, err
					}
					return 1, resizes.bomb(ctx, dir, "--callers", strconv.Itoa(callers))
				}})
			}
		}
		for _, f := range fileBombs {
			ways = append(ways, way{name: f.name, try: func(ctx context.Context, _ *rand.Rand) (int, error) {
				path := b.path("bomb" + f.end)
				file, err := os.Create(path)
				if err != nil {
					return 0, err
				}
				defer file.Close()
				if err := errors.Join(f.write(file), file.Close()); err != nil {
					return 0, err
				}
				defer os.Remove(path)
				return 1, b.bomb(ctx, path)
			}})
		}
		return ways, nil
	},
}

// resizing is the bench with a model that takes pictures of any size, since another looks at their headers only.
func (b *bench) resizing(ctx context.Context) (*bench, error) {
	with := *b
	run, pictures := b.path("run"), b.path("small")
	with.infer.Model = filepath.Join(run, "bundle")
	if exists(with.infer.Model) {
		return &with, nil
	}
	if err := b.writePNGs(ctx, pictures, 500, nil); err != nil {
		return nil, err
	}
	_, err := b.well(ctx, process{args: b.trainArgs(pictures, run, "--epochs", "1", "--set", "data.image_size=28x28", "--set", "data.resize=bilinear")})
	return &with, err
}

// bomb encodes a source that must take no memory.
func (b *bench) bomb(ctx context.Context, source string, more ...string) error {
	out := b.path("codes.npy")
	if err := b.remove(out, out+".bad.jsonl"); err != nil {
		return err
	}
	o, err := b.do(ctx, process{args: b.encode(source, out, append([]string{"--max-bad", "1"}, more...)...), limit: time.Minute})
	switch {
	case err != nil:
		return err
	case o.hung || o.crashed() || !slices.Contains([]int{0, 1, 3, 4}, o.code):
		return o.broken("it must end, in words")
	}
	return o.within(memoryLimit)
}

// A pictureBomb is a PNG of zeros.
type pictureBomb struct {
	name             string
	side             int
	bits, color, lay byte // as in its header
	pixel            int  // bytes
}

var pictureBombs = []pictureBomb{
	{"8192x8192, 16 bits of grey", 8192, 16, 0, 0, 2},
	{"8192x8192, 16 bits of four colours", 8192, 16, 6, 0, 8},
	{"8192x8192, interlaced", 8192, 8, 2, 1, 3},
	{"16384x16384, 8 bits of grey", 16384, 8, 0, 0, 1},
	{"1000000x1000000, 16 bits, claimed only", 1_000_000, 16, 6, 0, 0},
}

func (p pictureBomb) png() ([]byte, error) {
	var file bytes.Buffer
	file.WriteString("\x89PNG\r\n\x1a\n")
	chunk := func(kind string, data []byte) {
		_ = binary.Write(&file, binary.BigEndian, uint32(len(data))) // into memory
		body := append([]byte(kind), data...)
		file.Write(body)
		_ = binary.Write(&file, binary.BigEndian, crc32.ChecksumIEEE(body))
	}
	header := binary.BigEndian.AppendUint32(nil, uint32(p.side))
	header = binary.BigEndian.AppendUint32(header, uint32(p.side))
	chunk("IHDR", append(header, p.bits, p.color, 0, 0, p.lay))
	var packed bytes.Buffer
	w, err := zlib.NewWriterLevel(&packed, zlib.BestSpeed)
	if err != nil {
		return nil, err
	}
	line := make([]byte, 1+p.side*p.pixel)
	for range p.side + p.side*int(p.lay) { // interlaced lines are shorter, and more
		if p.pixel == 0 {
			break
		}
		if _, err := w.Write(line); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	chunk("IDAT", packed.Bytes())
	chunk("IEND", nil)
	return file.Bytes(), nil
}

var fileBombs = []struct {
	name, end string
	write     func(io.Writer) error
}{
	{"IDX that claims 4 billion rows", ".idx", func(w io.Writer) error {
		_, err := w.Write(append([]byte{0, 0, 8, 3, 255, 255, 255, 255, 0, 0, 0, 28, 0, 0, 0, 28}, make([]byte, 10_000)...))
		return err
	}},
	{"IDX that claims rows of 4 billion squared", ".idx", func(w io.Writer) error {
		_, err := w.Write(append([]byte{0, 0, 8, 3, 0, 0, 0, 9, 255, 255, 255, 255, 255, 255, 255, 255}, make([]byte, 10_000)...))
		return err
	}},
	{"NPY that claims 2^60 rows", ".npy", func(w io.Writer) error {
		header := fmt.Sprintf("{'descr': '|u1', 'fortran_order': False, 'shape': (%d, 784), }", 1<<60)
		header += strings.Repeat(" ", 117-len(header)) + "\n"
		_, err := w.Write(append(append([]byte("\x93NUMPY\x01\x00v\x00"), header...), make([]byte, 10_000)...))
		return err
	}},
	{"NPY with a header of 4 GB", ".npy", func(w io.Writer) error {
		_, err := w.Write(append([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"), make([]byte, 100_000)...))
		return err
	}},
	{"CSV of one line without end, in gzip", ".csv.gz", func(w io.Writer) error { return packed(w, "", "1,", 300<<20) }},
	{"CSV of one number without end, in gzip", ".csv.gz", func(w io.Writer) error { return packed(w, "", "1", 300<<20) }},
	{"CSV in quotes without end, in gzip", ".csv.gz", func(w io.Writer) error { return packed(w, "\"", "1\n", 300<<20) }},
	{"IDX of a gigabyte of zeros, in gzip", ".idx.gz", func(w io.Writer) error {
		return packed(w, "\x00\x00\x08\x03\x00\x13\xff\xff\x00\x00\x00\x1c\x00\x00\x00\x1c", "\x00", 1<<30)
	}},
}

// packed writes a text and then another one again and again, in gzip.
func packed(to io.Writer, first, again string, size int) error {
	w, err := gzip.NewWriterLevel(to, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, first); err != nil {
		return err
	}
	block := []byte(strings.Repeat(again, 1<<20/len(again)))
	for range size / len(block) {
		if _, err := w.Write(block); err != nil {
			return err
		}
	}
	return w.Close()
}
