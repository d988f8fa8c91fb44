package index_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/catvae/catvae/codes/index"
)

// childDir names, in the environment of a child, the index that it appends to until it is killed.
const childDir = "INDEX_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		fmt.Fprintln(os.Stderr, appendForEver(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// appendForEver appends rows that their numbers say, a few at once, and prints how many there are each time that Append has returned.
func appendForEver(dir string) error {
	x, err := index.Open(dir)
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(uint64(os.Getpid()), 1))
	for {
		var packed []byte
		var ids []string
		for row := x.Len(); len(ids) <= r.IntN(20); row++ {
			packed, ids = append(packed, codeOf(row)...), append(ids, strconv.Itoa(row))
		}
		if _, err := x.Append(packed, ids); err != nil {
			return err
		}
		if x.Len()%5 == 0 {
			if err := x.Delete(x.Len() - 1); err != nil {
				return err
			}
		}
		if _, err := fmt.Println(x.Len()); err != nil {
			return err
		}
	}
}

// codeOf is the code of a row.
func codeOf(row int) []byte {
	code := binary.BigEndian.AppendUint64(nil, uint64(row)*0x9e3779b97f4a7c15)
	return binary.BigEndian.AppendUint64(code, uint64(row))
}

// Twenty times a process is killed while it appends. Every row that Append has returned for is there, and is what was appended; the graph,
// which was not saved, finds them.
func TestKilled(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "codes.index")
	x, err := index.Create(dir, index.Options{Bits: 128, Graph: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(20, 20))
	total := 0
	for kill := range 20 {
		acknowledged := appendAndKill(t, dir, time.Duration(r.IntN(30_000))*time.Microsecond)
		x, err := index.Open(dir)
		if err != nil {
			t.Fatalf("kill %d: %v", kill, err)
		}
		if x.Len() < acknowledged || x.Len() < total {
			t.Fatalf("kill %d: %d rows are there, %d were acknowledged", kill, x.Len(), max(acknowledged, total))
		}
		total = x.Len()
		all, ids := x.Codes(), x.IDs()
		for row := range total {
			if !bytes.Equal(all[row*16:][:16], codeOf(row)) || ids[row] != strconv.Itoa(row) {
				t.Fatalf("kill %d: row %d is %x, %q", kill, row, all[row*16:][:16], ids[row])
			}
		}
		if total > 1 {
			found, err := x.Search(t.Context(), codeOf(0), 1, index.Search{})
			if err != nil || found[0][0].Row != 0 {
				t.Fatalf("kill %d: %v, %v", kill, found, err)
			}
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if total < 20 {
		t.Errorf("only %d rows were appended", total)
	}
	t.Logf("%d rows", total)
}

// appendAndKill starts a child, kills it a while after its first answer, and returns its last one.
func appendAndKill(t *testing.T, dir string, after time.Duration) (acknowledged int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	var wrong strings.Builder
	cmd.Stderr = &wrong
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if acknowledged == 0 {
			time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
		if acknowledged, err = strconv.Atoi(lines.Text()); err != nil {
			t.Fatal(err)
		}
	}
	_ = cmd.Wait() // it was killed
	if acknowledged == 0 {
		t.Fatalf("the child ended: %s", &wrong)
	}
	return acknowledged
}
