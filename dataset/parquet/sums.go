package parquet

import (
	"encoding/binary"
	"fmt"
	"io"
	"sort"

	"github.com/catvae/catvae/dataset/internal/content"
)

// Rows have no bytes of their own in a Parquet file: what a row is read from is the columns of its row group that hold values
// and labels, and the file's end, which says where they are.

// footer returns the bytes of the file's end.
func (r *reader) footer() (string, error) {
	var size [4]byte
	if _, err := r.file.ReadAt(size[:], r.file.Size()-8); err != nil {
		return "", err
	}
	n := min(int64(binary.LittleEndian.Uint32(size[:])), r.file.Size()-8)
	foot := make([]byte, n)
	_, err := r.file.ReadAt(foot, r.file.Size()-8-n)
	return string(foot), err
}

// report reports the next rows, whose groups are read for it where that was not done yet.
func (r *reader) report(rows int) error {
	if !r.tally.Wanted() {
		return nil
	}
	for row := r.row; row < r.row+rows; row++ {
		group := sort.SearchInts(r.groups, row+1) - 1
		sum, ok := r.sums[group]
		if !ok {
			var err error
			if sum, err = r.sumOf(group); err != nil {
				return r.file.Broken(fmt.Sprintf("row group %d cannot be read", group), err)
			}
			r.sums = map[int][]byte{group: sum} // rows come in order
		}
		r.tally.Rows(row, 1, sum)
	}
	return nil
}

// sumOf returns the sum of a row group's columns as they are in the file.
func (r *reader) sumOf(group int) ([]byte, error) {
	h, buf := content.New(), make([]byte, 1<<18)
	for _, leaf := range r.summed {
		c, err := r.table.ParquetReader().MetaData().RowGroup(group).ColumnChunk(leaf)
		if err != nil {
			return nil, err
		}
		from, size := c.DataPageOffset(), c.TotalCompressedSize()
		if at := c.DictionaryPageOffset(); c.HasDictionaryPage() && at > 0 {
			from = min(from, at)
		}
		if from < 0 || size < 0 {
			return nil, fmt.Errorf("its column %d has %d bytes at %d", leaf, size, from)
		}
		if _, err := io.CopyBuffer(h, io.NewSectionReader(r.file, from, size), buf); err != nil {
			return nil, err
		}
	}
	return h.Sum(nil), nil
}

// Scan passes over rows and reads the groups that they are in, without decoding them.
func (r *reader) Scan(rows int) error {
	rows = min(rows, r.info.Rows-r.row)
	if err := r.report(rows); err != nil {
		return err
	}
	if r.row += rows; r.row == r.info.Rows {
		return r.file.Changed()
	}
	return nil
}
