package index

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"slices"
	"unsafe"

	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/mapped"
)

// The graph's file is a head of 16 numbers, of each row the number of its links and room for them, and the checksum of all that, CRC-32C. Numbers are uint32, their low
// bytes first.
const (
	graphMagic   = 0x47746143 // "CatG"
	graphVersion = 1
	headNumbers  = 16
)

func (g *graph) head() []uint32 {
	return []uint32{graphMagic, graphVersion, uint32(g.bits), uint32(g.links), uint32(g.breadth), uint32(g.rows), headNumbers - 1: 0}
}

// save writes the graph, whole or not at all.
func (g *graph) save(path string) error {
	return atomicfile.Write(path, 0o666, func(w io.Writer) error {
		sum := crc32.New(castagnoli)
		out := io.MultiWriter(w, sum)
		for _, numbers := range [][]uint32{g.head(), g.ground} {
			for len(numbers) > 0 {
				piece := numbers[:min(len(numbers), 1<<20)]
				buf := make([]byte, 0, 4*len(piece))
				for _, n := range piece {
					buf = binary.LittleEndian.AppendUint32(buf, n)
				}
				if _, err := out.Write(buf); err != nil {
					return err
				}
				numbers = numbers[len(piece):]
			}
		}
		_, err := w.Write(binary.LittleEndian.AppendUint32(nil, sum.Sum32()))
		return err
	})
}

// openGraph maps a graph's file. A file that is missing, or is not that of an index with these options and rows, gives an empty graph, which
// is made again: it holds nothing that codes do not say. changed reports a graph that lacks rows.
func openGraph(path string, o Options, rows int) (g *graph, changed bool) {
	g, err := mapGraph(path, o, rows)
	if err != nil {
		g = newGraph(o)
	}
	return g, g.rows < rows
}

var errGraph = errors.New("not this index's graph")

func mapGraph(path string, o Options, rows int) (*graph, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // the mapping stays
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	data, unmap, err := mapped.Bytes(f, info.Size())
	if err != nil {
		return nil, err
	}
	g, err := parseGraph(data, o, rows)
	if err != nil {
		return nil, errors.Join(err, unmap())
	}
	g.unmap = unmap
	return g, nil
}

// parseGraph reads a graph's file. Every link is within the graph, whatever the file holds.
func parseGraph(data []byte, o Options, rows int) (*graph, error) {
	if len(data) < 4*(headNumbers+1) || len(data)%4 != 0 || checksum(data[:len(data)-4]) != binary.LittleEndian.Uint32(data[len(data)-4:]) {
		return nil, errGraph
	}
	numbers := numbersOf(data[:len(data)-4])
	head, numbers := numbers[:headNumbers], numbers[headNumbers:]
	g := newGraph(o)
	g.rows = int(head[5])
	if !slices.Equal(head, g.head()) || g.rows > rows || len(numbers) != g.rows*(1+2*g.links) {
		return nil, errGraph
	}
	g.ground = numbers
	for node := range g.rows {
		links := g.of(uint32(node))
		if int(links[0]) >= len(links) {
			return nil, errGraph
		}
		for _, n := range links[1 : 1+links[0]] {
			if int(n) >= g.rows {
				return nil, errGraph
			}
		}
	}
	return g, nil
}

// numbersOf returns bytes as numbers: in place where the processor has them so.
func numbersOf(data []byte) []uint32 {
	if len(data) > 0 && binary.NativeEndian.Uint16([]byte{1, 0}) == 1 && uintptr(unsafe.Pointer(&data[0]))%4 == 0 {
		return unsafe.Slice((*uint32)(unsafe.Pointer(&data[0])), len(data)/4)
	}
	out := make([]uint32, len(data)/4)
	for i := range out {
		out[i] = binary.LittleEndian.Uint32(data[4*i:])
	}
	return out
}

// own makes the graph's memory its own, which it is to write to.
func (g *graph) own() {
	if g.unmap == nil {
		return
	}
	g.ground = append(make([]uint32, 0, len(g.ground)), g.ground...)
	_ = g.close() // memory that nobody looks at any more
}

func (g *graph) close() error {
	unmap := g.unmap
	if unmap == nil {
		return nil
	}
	g.unmap = nil
	return unmap()
}
