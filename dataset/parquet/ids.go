package parquet

import (
	"cmp"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dataset/internal/reading"
)

// Rows have names in a column of their own, as dataset.Table says, and pictures, where there is none, their paths. A structure or a
// list is no name.

// named is a reader whose rows have names.
type named struct {
	*reader
	dataset.Identified
}

// namedBytes is named for a reader of bytes.
type namedBytes struct {
	byteReader
	dataset.Identified
}

// A naming is where names are: a field, and the column that is read for it.
type naming struct {
	field  int
	column pqarrow.SchemaField
	path   bool     // of a picture
	none   *numbers // in place of a column
}

// chooseNames settles which column holds names. Sums are of it too.
func (r *reader) chooseNames(chosen dataset.Chosen, frame index) {
	if !r.o.IDs {
		return
	}
	n := naming{field: chosen.ID}
	if n.field >= 0 {
		n.column = r.table.Manifest.Fields[n.field]
	} else if n.field = chosen.Values[0]; len(chosen.Values) == 1 {
		n.column, n.path = r.paths[n.field]
	}
	if n.column.Field == nil || !n.column.IsLeaf() {
		if frame.numbers != nil {
			r.names = &naming{none: frame.numbers}
		}
		return
	}
	r.names, r.summed = &n, append(r.summed, n.column.ColIndex)
}

// readNames reads the names of all rows, nil where they have none.
func (r *reader) readNames() (dataset.Identified, error) {
	if r.names == nil || r.names.path && !r.images {
		return nil, nil
	}
	if r.names.none != nil {
		r.info.IDs = cmp.Or(r.names.none.Name, "index")
		return r.names.none, nil
	}
	fields, at := r.table.Manifest.Fields, r.names.field
	value := fields[at]
	fields[at] = r.names.column // a path takes the place of its picture
	defer func() { fields[at] = value }()
	ids, err := namesOf(r.file, r.table, &r.names.column, r.info.Rows)
	if err != nil {
		return nil, err
	}
	if !ids.Given() {
		return nil, nil
	}
	if r.info.IDs = r.table.Manifest.Fields[at].Field.Name; r.names.path {
		r.info.IDs = value.Field.Name + ".path"
	}
	return ids, nil
}

// namesOf reads a column of names, of as many rows as a file has.
func namesOf(file *dataset.File, table *pqarrow.FileReader, column *pqarrow.SchemaField, count int) (*reading.IDs, error) {
	groups := make([]int, table.ParquetReader().NumRowGroups())
	for i := range groups {
		groups[i] = i
	}
	rows, err := table.GetRecordReader(file.Context(), []int{column.ColIndex}, groups)
	if err != nil {
		return nil, file.Broken("its names of rows cannot be read", err)
	}
	defer rows.Release()
	ids, n := &reading.IDs{}, 0
	for {
		batch, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, file.Broken(fmt.Sprintf("its names of rows cannot be read from row %d on", n), err)
		}
		names := batch.Column(0)
		for i := range names.Len() {
			ids.Add(nameOf(names, i))
		}
		n += names.Len()
	}
	if n != count {
		return nil, file.Broken(fmt.Sprintf("its names of rows end in row %d of %d", n, count), nil)
	}
	return ids, nil
}

// nameOf returns a row's name, nothing for null.
func nameOf(a arrow.Array, i int) []byte {
	switch {
	case a.IsNull(i):
		return nil
	case isBinary(a.DataType()):
		return binaryOf(a, i)
	}
	return []byte(a.ValueStr(i))
}
