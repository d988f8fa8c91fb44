package onnxruntime

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// Go counts a container's CPU quota into GOMAXPROCS; threads follow it, and not the machine's cores.
func TestThreadsFollowGo(t *testing.T) {
	const child = "CATVAE_TEST_CHILD"
	if os.Getenv(child) == "threads" {
		o, err := newOptions(nil)
		if err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("threads=" + strconv.Itoa(o.threads) + "\n")
		return
	}
	t.Parallel()
	for _, n := range []string{"1", "7"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestThreadsFollowGo$")
		cmd.Env = append(os.Environ(), child+"=threads", "GOMAXPROCS="+n)
		if out, err := cmd.Output(); err != nil || !strings.Contains(string(out), "threads="+n+"\n") {
			t.Errorf("GOMAXPROCS=%s: %v, %s", n, err, out)
		}
	}
}
