package index

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
)

// ErrDamaged is wrapped by errors about files that are not what was written.
var ErrDamaged = errors.New("the index is damaged: make it anew from its codes")

// The log begins with magic, of 16 bytes. Records follow, each at a multiple of 16 bytes, so that no head lies in two sectors of a disk:
//
//	uint32 size of the payload, uint32 kind, uint32 checksum of the payload, uint32 checksum of the 12 bytes before
//	payload, and zeros up to a multiple of 16
//
// Numbers have their low bytes first; checksums are CRC-32C. The first record is a header, whose payload is JSON.
const (
	magic      = "catvae index 1\n\x00"
	recordHead = 16

	kindHeader = 1 // Options as JSON
	kindAppend = 2 // uint64 rows, uint32 checksum of their codes, uint8 whether there are ids; of each its size as a varint, and the id
	kindDelete = 3 // varints: rows
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// appendRecord appends a record.
func appendRecord(dst []byte, kind uint32, payload []byte) []byte {
	at := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(payload)))
	dst = binary.LittleEndian.AppendUint32(dst, kind)
	dst = binary.LittleEndian.AppendUint32(dst, checksum(payload))
	dst = binary.LittleEndian.AppendUint32(dst, checksum(dst[at:]))
	dst = append(dst, payload...)
	return append(dst, make([]byte, padding(len(payload)))...)
}

// padding is what makes a payload a multiple of 16 bytes.
func padding(size int) int { return -size & 15 }

// contents are what a log says.
type contents struct {
	options Options
	rows    int
	spans   []span
	ids     []string // nil where rows have none
	deleted map[int]bool
	size    int64 // of the log, without a torn tail
}

// A span is rows that were appended at once.
type span struct {
	rows     int
	checksum uint32
}

// readLog reads a log up to a torn tail: a last record that was not written whole. A record that is wrong elsewhere is an ErrDamaged.
func readLog(data []byte) (c contents, err error) {
	c.deleted = map[int]bool{}
	if len(data) < len(magic) || string(data[:len(magic)]) != magic {
		return c, fmt.Errorf("its log does not begin as one: %w", ErrDamaged)
	}
	at := len(magic)
	for at < len(data) {
		kind, payload, whole, err := record(data[at:])
		if err == nil && !whole {
			break
		}
		if err == nil {
			err = c.take(kind, payload, at == len(magic))
		}
		if err != nil {
			return c, fmt.Errorf("byte %d of its log: %w: %w", at, err, ErrDamaged)
		}
		at += recordHead + len(payload) + padding(len(payload))
	}
	if at == len(magic) {
		return c, fmt.Errorf("its log has no header: %w", ErrDamaged)
	}
	c.size = int64(at)
	return c, nil
}

// record returns the first record of a log's bytes, or that it is not whole: what is left of a write that did not end is the
// beginning of a record, one whose payload is wrong and ends with the log, or a head of zeros.
func record(data []byte) (kind uint32, payload []byte, whole bool, err error) {
	if len(data) < recordHead || [recordHead]byte(data) == [recordHead]byte{} {
		return 0, nil, false, nil
	}
	number := func(at int) uint32 { return binary.LittleEndian.Uint32(data[at:]) }
	if checksum(data[:12]) != number(12) {
		return 0, nil, false, errors.New("a record has a wrong head")
	}
	size := int64(number(0))
	end := recordHead + size + int64(padding(int(size)))
	if end > int64(len(data)) {
		return 0, nil, false, nil
	}
	payload = data[recordHead:][:size:size]
	if checksum(payload) != number(8) {
		if end == int64(len(data)) {
			return 0, nil, false, nil
		}
		return 0, nil, false, errors.New("a record has a wrong checksum")
	}
	return number(4), payload, true, nil
}

// take takes a record.
func (c *contents) take(kind uint32, payload []byte, first bool) error {
	if first != (kind == kindHeader) {
		return errors.New("the header is not the first record")
	}
	switch kind {
	case kindHeader:
		if err := json.Unmarshal(payload, &c.options); err != nil {
			return err
		}
		return c.options.check()
	case kindAppend:
		return c.takeRows(payload)
	case kindDelete:
		return c.takeDeleted(payload)
	}
	return fmt.Errorf("a record of kind %d, which a newer version may have written", kind)
}

const appendHead = 8 + 4 + 1

func (c *contents) takeRows(payload []byte) error {
	if len(payload) < appendHead {
		return errors.New("a record of rows is too short")
	}
	rows := binary.LittleEndian.Uint64(payload)
	named, rest := payload[12] != 0, payload[appendHead:]
	if rows == 0 || rows > maxRows-uint64(c.rows) {
		return fmt.Errorf("a record of %d rows", rows)
	}
	if c.rows > 0 && named != (c.ids != nil) {
		return errors.New("some rows have ids, others have none")
	}
	if named {
		if rows > uint64(len(rest)) {
			return errors.New("ids are missing")
		}
		text := string(rest) // ids share it
		for range rows {
			size, n := binary.Uvarint(rest)
			if n <= 0 || size > uint64(len(rest)-n) {
				return errors.New("ids are missing")
			}
			from := len(text) - len(rest) + n
			c.ids, rest = append(c.ids, text[from:from+int(size)]), rest[n+int(size):]
		}
	}
	if len(rest) != 0 {
		return errors.New("a record of rows is too long")
	}
	c.rows += int(rows)
	c.spans = append(c.spans, span{int(rows), binary.LittleEndian.Uint32(payload[8:])})
	return nil
}

func (c *contents) takeDeleted(payload []byte) error {
	for len(payload) > 0 {
		row, n := binary.Uvarint(payload)
		if n <= 0 || row >= uint64(c.rows) {
			return errors.New("a row is deleted that there is not")
		}
		c.deleted[int(row)] = true
		payload = payload[n:]
	}
	return nil
}

// maxRows is how many rows a graph can tell apart.
const maxRows = math.MaxUint32 - 1

// appendPayload is the payload of a record of rows.
func appendPayload(codes []byte, rows int, ids []string) []byte {
	p := binary.LittleEndian.AppendUint64(nil, uint64(rows))
	p = binary.LittleEndian.AppendUint32(p, checksum(codes))
	if ids == nil {
		return append(p, 0)
	}
	p = append(p, 1)
	for _, id := range ids {
		p = append(binary.AppendUvarint(p, uint64(len(id))), id...)
	}
	return p
}

// checkCodes compares codes with the checksums of the log.
func (c *contents) checkCodes(data []byte, size int) error {
	row := 0
	for _, s := range c.spans {
		if checksum(data[row*size:(row+s.rows)*size]) != s.checksum {
			return fmt.Errorf("its codes %d to %d are not what was appended: %w", row, row+s.rows-1, ErrDamaged)
		}
		row += s.rows
	}
	return nil
}

// A journal is the end of a file that grows. After an error it is as it was, or takes nothing any more.
type journal struct {
	f    *os.File
	size int64
	err  error
}

// write appends bytes and waits until they are kept.
func (j *journal) write(data []byte) error {
	if j.err != nil {
		return j.err
	}
	_, err := j.f.WriteAt(data, j.size)
	if err == nil {
		err = j.f.Sync()
	}
	if err != nil {
		return errors.Join(err, j.cut(j.size))
	}
	j.size += int64(len(data))
	return nil
}

// cut shortens the file.
func (j *journal) cut(size int64) error {
	j.size = size
	if err := j.f.Truncate(size); err != nil {
		j.err = fmt.Errorf("open the index again: %w", err)
	}
	return j.err
}
