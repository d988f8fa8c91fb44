package infer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/runtime/onnxruntime"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
)

var kills = flag.Int("kills", 3, "how often TestKilled kills each run")

// TestMain lets the test be its own victim: a process that does a job until it is killed.
func TestMain(m *testing.M) {
	if text := os.Getenv("CATVAE_TEST_JOB"); text != "" {
		if err := victim(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// victim does a job slowly, so that it can be killed in every part.
func victim(text string) error {
	var job infer.Job
	if err := json.Unmarshal([]byte(text), &job); err != nil {
		return err
	}
	backend, err := onnxruntime.Open(context.Background(), onnxruntime.WithThreads(1))
	if err != nil {
		return err
	}
	plan, err := infer.NewPlan(context.Background(), job)
	if err != nil {
		return err
	}
	defer plan.Close()
	s, err := infer.Run(context.Background(), plan, backend, infer.Hooks{Done: func(int) { time.Sleep(500 * time.Microsecond) }})
	if err == nil {
		fmt.Printf("%d rows, %d skipped\n", s.Rows, s.Skipped)
	}
	return err
}

// Runs that are killed at random moments and begun again end with the bytes of a run without a pause, and leave nothing
// else.
func TestKilled(t *testing.T) {
	t.Parallel()
	ortest.Backend(t)
	model, in := writeModel(t, dist.Bernoulli, 11, 0), pixelFile(t, 20_000)
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	for _, out := range []string{"codes.npy", "codes.csv", "codes/", "pictures/"} {
		job := infer.Job{Model: model, In: in, PartRows: 1500, Batch: 64}
		if out == "pictures/" {
			job.Mode, job.Format, job.In = infer.Reconstruct, infer.PNG, pixelFile(t, 3000)
		}
		job.Out = filepath.Join(t.TempDir(), "whole-"+out)
		if out[len(out)-1] == '/' {
			job.Out += "/"
		}
		began := time.Now()
		if message, err := begin(t, job).wait(); err != nil {
			t.Fatalf("%v: %s", err, message)
		}
		whole := time.Since(began)
		want := read(t, job.Out)
		dir := t.TempDir()
		job.Out = filepath.Join(dir, out)
		if out[len(out)-1] == '/' {
			job.Out += "/"
		}
		for kill := 0; kill < *kills; kill++ {
			p := begin(t, job)
			select {
			case <-p.ended: // before its kill: begun again, from nothing
				if err := os.RemoveAll(job.Out); p.err != nil || err != nil {
					t.Fatalf("%s: %v, %v: %s", out, p.err, err, p.stderr.String())
				}
			case <-time.After(time.Duration(random.Int64N(int64(whole)))):
				p.kill(t)
				if _, err := os.Stat(filepath.Join(dir, "."+out+".parts")); err != nil && out[len(out)-1] != '/' {
					os.Remove(job.Out) // it had just ended
				}
			}
		}
		if message, err := begin(t, job).wait(); err != nil {
			t.Fatalf("%s: %v: %s", out, err, message)
		}
		if !equal(read(t, job.Out), want) {
			t.Errorf("%s: the output differs from that of a run without a pause", out)
		}
		read(t, dir) // and nothing is left over
	}
}

// process is a victim.
type process struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
	err    error
	ended  chan struct{}
}

func begin(t *testing.T, job infer.Job) *process {
	t.Helper()
	text, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(os.Args[0]), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "CATVAE_TEST_JOB="+string(text))
	p.cmd.Stderr = &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p
}

func (p *process) wait() (string, error) {
	<-p.ended
	return p.stderr.String(), p.err
}

func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Log(err) // it has just ended
	}
	<-p.ended
}

// A run that is stopped right at its end leaves an empty folder of parts and its lock. The next one, which is refused since the
// output is there, removes them.
func TestSweepBeside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out := filepath.Join(dir, "codes.npy")
	for _, path := range []string{out, filepath.Join(dir, ".codes.npy.lock")} {
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, ".codes.npy.parts"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, infer.Job{Model: writeModel(t, "bernoulli", 12, 0), In: pixelFile(t, 5), Out: out}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("an output that exists: %v", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("next to the output is %v (%v)", left, err)
	}
}
