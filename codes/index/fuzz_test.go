package index

import (
	"encoding/json"
	"errors"
	"testing"
)

// Whatever bytes are a log: what is read of it are rows that its records have, or it is damaged, and what counts of it reads as the same.
func FuzzLog(f *testing.F) {
	header, err := json.Marshal(Options{Bits: 16})
	if err != nil {
		f.Fatal(err)
	}
	log := appendRecord([]byte(magic), kindHeader, header)
	f.Add(log)
	log = appendRecord(log, kindAppend, appendPayload([]byte{1, 2, 3, 4}, 2, []string{"a", ""}))
	f.Add(log)
	log = appendRecord(log, kindDelete, []byte{1, 0})
	f.Add(log)
	f.Add(log[:len(log)-3])
	f.Add(appendRecord(log, 9, nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := readLog(data)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		if c.ids != nil && len(c.ids) != c.rows || c.size > int64(len(data))+15 {
			t.Fatalf("%d ids of %d rows, %d bytes of %d", len(c.ids), c.rows, c.size, len(data))
		}
		again, err := readLog(data[:c.size])
		if err != nil || again.rows != c.rows || again.size != c.size || len(again.deleted) != len(c.deleted) {
			t.Fatalf("what counts reads as %d rows, %v, want %d", again.rows, err, c.rows)
		}
	})
}

// Whatever bytes are a graph's file: it is refused, or a search of it ends and stays within its rows.
func FuzzGraph(f *testing.F) {
	o := Options{Bits: 64, Graph: true}.withDefaults()
	data := make([]byte, 8*40)
	for i := range data {
		data[i] = byte(i * i >> 3)
	}
	g := newGraph(o)
	if err := g.insert(data, 40); err != nil {
		f.Fatal(err)
	}
	path := f.TempDir() + "/graph"
	if err := g.save(path); err != nil {
		f.Fatal(err)
	}
	file, unchanged := mapGraph(path, o, 40)
	if unchanged != nil {
		f.Fatal(unchanged)
	}
	f.Add([]byte{})
	f.Add(append([]byte(nil), bytesOf(file)...))
	f.Fuzz(func(t *testing.T, body []byte) {
		// a right checksum after whatever there is
		sum := checksum(body)
		g, err := parseGraph(append(body[:len(body):len(body)], byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24)), o, 40)
		if err != nil {
			return
		}
		if err := g.insert(data, 40); err != nil {
			t.Fatal(err)
		}
		w := g.walker()
		if _, err := w.matches(data[:8], 3, 5, nil); err != nil {
			t.Fatal(err)
		}
	})
}

// bytesOf are a graph's file without its checksum.
func bytesOf(g *graph) (out []byte) {
	for _, numbers := range [][]uint32{g.head(), g.ground} {
		for _, n := range numbers {
			out = append(out, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
		}
	}
	return out
}
