package embed

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sync"

	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/visible"
)

// Kept is an [Embedder] that keeps embeddings in a file, so that none is computed twice: neither by this run nor by the next, whatever file a
// text comes from. It is safe for concurrent use.
//
// The file's name is a hash of what its embeddings depend on: the embedder's identity and the backend. It holds a header and then a record for
// each text:
//
//	16 bytes of the text's SHA-256, Width float32 in little-endian order, CRC-32 of both
//
// A record that a crash has cut off, or damaged, ends the file: it is overwritten. One process at a time adds to a file; others read it.
type Kept struct {
	*Embedder
	file  *os.File
	lock  *atomicfile.Lock // nil where nothing is added
	mu    sync.Mutex
	at    map[key]int64 // of records
	end   int64
	first error // of adding
}

// key is how a text is found.
type key [16]byte

// keptMagic begins a file.
const keptMagic = "catvae embeddings 1\n"

// maxKept bounds a file. Embeddings beyond it are computed and not kept.
const maxKept = 8 << 30

// CacheDir returns the folder of the user's cache in which embeddings are kept.
func CacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("embed: %w", err)
	}
	return filepath.Join(dir, "catvae", "embeddings"), nil
}

// Keep returns the embedder with the embeddings that are kept in a folder. With add it keeps those of further texts, unless another process does so
// at this time; without, it only reads, and needs no folder. "" keeps nothing. It takes the embedder over: that is closed with it, and where there is an error.
func (e *Embedder) Keep(dir string, add bool) (*Kept, error) {
	k := &Kept{Embedder: e, at: map[key]int64{}}
	if dir == "" {
		return k, nil
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%+v on %s", e.identity, e.backend))
	path := filepath.Join(dir, hex.EncodeToString(sum[:16])+".embeddings")
	if err := k.open(path, add); err != nil {
		return nil, visible.Error(fmt.Errorf("embed: kept embeddings: %w", errors.Join(err, k.Close())))
	}
	return k, nil
}

func (k *Kept) open(path string, add bool) (err error) {
	if add {
		if err := atomicfile.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if k.lock, err = atomicfile.TryLock(path + ".lock"); err != nil && !errors.Is(err, atomicfile.ErrHeld) && !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	flags := os.O_RDONLY
	if k.lock != nil {
		flags = os.O_RDWR | os.O_CREATE
	}
	if k.file, err = os.OpenFile(path, flags, 0o644); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if err := k.index(); err != nil || k.lock == nil {
		return err
	}
	if k.end == 0 {
		if _, err := k.file.WriteAt([]byte(keptMagic), 0); err != nil {
			return err
		}
		k.end = int64(len(keptMagic))
	}
	return k.file.Truncate(k.end)
}

// index reads the file up to its end, or to a record that is not whole.
func (k *Kept) index() error {
	in := io.NewSectionReader(k.file, 0, math.MaxInt64)
	buffered := make([]byte, k.size())
	head := make([]byte, len(keptMagic))
	if _, err := io.ReadFull(in, head); err != nil || string(head) != keptMagic {
		if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil // none of ours, or cut off: it begins anew
		}
		return err
	}
	k.end = int64(len(keptMagic))
	chunk := make([]byte, max(1<<20/k.size(), 1)*k.size())
	for {
		n, err := io.ReadFull(in, chunk)
		for part := chunk[:n]; len(part) >= k.size(); part = part[k.size():] {
			copy(buffered, part)
			id, ok := k.check(buffered)
			if !ok {
				return nil
			}
			k.at[id] = k.end
			k.end += int64(k.size())
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// size returns the bytes of a record.
func (k *Kept) size() int { return len(key{}) + 4*k.Width() + 4 }

// check returns the key of a record that is whole.
func (k *Kept) check(record []byte) (id key, ok bool) {
	body := record[:len(record)-4]
	copy(id[:], body)
	return id, crc32.ChecksumIEEE(body) == binary.LittleEndian.Uint32(record[len(body):])
}

// Embed is [Embedder.Embed] for the texts that are not kept.
func (k *Kept) Embed(ctx context.Context, texts []string, dst []float32) (map[int]string, error) {
	var missing []string
	var rows []int
	record := make([]byte, k.size())
	for i, text := range texts {
		if !k.get(keyOf(text), record, dst[i*k.Width():][:k.Width()]) {
			missing, rows = append(missing, text), append(rows, i)
		}
	}
	if len(missing) == 0 {
		return nil, nil
	}
	values := make([]float32, len(missing)*k.Width())
	bad, err := k.Embedder.Embed(ctx, missing, values)
	if err != nil {
		return nil, err
	}
	reasons := map[int]string{}
	var records bytes.Buffer
	var ids []key
	for i, row := range rows {
		value := values[i*k.Width():][:k.Width()]
		copy(dst[row*k.Width():], value)
		if reason := bad[i]; reason != "" {
			reasons[row] = reason
			continue
		}
		ids = append(ids, keyOf(missing[i]))
		k.write(&records, ids[len(ids)-1], value)
	}
	k.add(ids, records.Bytes())
	return reasons, nil
}

func keyOf(text string) key {
	sum := sha256.Sum256([]byte(text))
	return key(sum[:16])
}

// get reads an embedding, and reports whether it is kept.
func (k *Kept) get(id key, record []byte, dst []float32) bool {
	k.mu.Lock()
	at, ok := k.at[id]
	k.mu.Unlock()
	if !ok {
		return false
	}
	if _, err := k.file.ReadAt(record, at); err != nil {
		return false
	}
	if got, whole := k.check(record); !whole || got != id {
		return false
	}
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(record[len(id)+4*i:]))
	}
	return true
}

// write appends a record.
func (k *Kept) write(to *bytes.Buffer, id key, values []float32) {
	from := to.Len()
	to.Write(id[:])
	for _, x := range values {
		to.Write(binary.LittleEndian.AppendUint32(to.AvailableBuffer(), math.Float32bits(x)))
	}
	to.Write(binary.LittleEndian.AppendUint32(to.AvailableBuffer(), crc32.ChecksumIEEE(to.Bytes()[from:])))
}

// add keeps records. A disk that is full ends the keeping, and nothing else: Close says so.
func (k *Kept) add(ids []key, records []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.lock == nil || k.first != nil || k.end+int64(len(records)) > maxKept {
		return
	}
	if _, k.first = k.file.WriteAt(records, k.end); k.first != nil {
		return
	}
	for _, id := range ids {
		k.at[id] = k.end
		k.end += int64(k.size())
	}
}

// Close frees the model and the file. It returns the error that has ended the keeping. It may be called twice.
func (k *Kept) Close() error { return errors.Join(k.release(), k.Embedder.Close()) }

func (k *Kept) release() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	err := k.first
	k.first = nil
	if k.file != nil {
		err = errors.Join(err, k.file.Close())
		k.file = nil
		clear(k.at)
	}
	if k.lock != nil {
		k.lock.Release()
		k.lock = nil
	}
	return err
}
