//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	hostileLimit  = 15 * time.Second
	hostileMemory = 700 // MB: a graph of some hundred MB is no fault
)

var hostileTrial = trial{
	name:    "hostile",
	promise: "A file that others wrote ends no command by what it is: not by waiting, not by its size, not by where it points.",
	does:    "FIFOs, /dev/zero, sparse files of 3 GB, folders, loops of links, nothing, noise, and names with line breaks in the place of each file of a bundle and a run; graphs named by absolute names and by `..`.",
	counts:  "runs",
	passes:  "Passes where each command ends within seconds, below 700 MB, with exit status 1 or 4 (0 where it does not need the file), and writes no control byte of a file to the terminal.",
	short:   size{times: 1, most: 24},
	long:    size{times: 1},
	cases: func(b *bench, _ context.Context, s size) (ways []way, _ error) {
		for _, f := range hostileFiles {
			for _, k := range hostileKinds {
				if strings.HasPrefix(k.name, "the manifest") != (f.name == "bundle/manifest.json") && strings.HasPrefix(k.name, "the manifest") {
					continue
				}
				for _, c := range f.commands {
					ways = append(ways, way{name: fmt.Sprintf("%s is %s, %s", f.name, k.name, c), try: func(ctx context.Context, _ *rand.Rand) (int, error) {
						return 1, b.hostile(ctx, f.name, k, c)
					}})
				}
			}
		}
		return ways, nil
	},
}

// hostileFiles are files of a run, and the commands that read them.
var hostileFiles = []struct {
	name     string
	commands []string
}{
	{"bundle/manifest.json", []string{"infer", "inspect", "eval", "sample"}},
	{"bundle/verification.json", []string{"infer", "inspect"}},
	{"bundle/encoder.onnx", []string{"infer", "inspect", "inspect file"}},
	{"bundle/threshold.onnx", []string{"infer", "inspect"}},
	{"bundle/decoder.onnx", []string{"eval", "inspect", "import"}},
	{"config.json", []string{"resume", "export", "eval"}},
	{"metrics.jsonl", []string{"resume", "export"}},
	{"checkpoints/*/state.json", []string{"resume", "export"}},
	{"checkpoints/*/state.safetensors", []string{"resume", "export"}},
}

// A hostileKind is what is put in a file's place.
type hostileKind struct {
	name string
	put  func(path string) error
}

var hostileKinds = []hostileKind{
	{"a FIFO", func(path string) error { return syscall.Mkfifo(path, 0o644) }},
	{"a link to /dev/zero", func(path string) error { return os.Symlink("/dev/zero", path) }},
	{"3 GB of nothing", func(path string) error {
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			return err
		}
		return os.Truncate(path, 3<<30)
	}},
	{"a folder", func(path string) error { return os.Mkdir(path, 0o755) }},
	{"a link to itself", func(path string) error { return os.Symlink(filepath.Base(path), path) }},
	{"empty", func(path string) error { return os.WriteFile(path, nil, 0o644) }},
	{"noise", func(path string) error {
		noise := make([]byte, 100_000)
		for i := range noise {
			noise[i] = byte(i * i >> 3)
		}
		return os.WriteFile(path, noise, 0o644)
	}},
	{"JSON that nests", func(path string) error {
		return os.WriteFile(path, bytes.Repeat([]byte(`{"x":[`), 200_000), 0o644)
	}},
	{"the manifest with an absolute name", replaceInFile(`"encoder.onnx"`, `"/dev/zero"`)},
	{"the manifest with .. in a name", replaceInFile(`"encoder.onnx"`, `"../bundle/encoder.onnx"`)},
	{"the manifest with escapes in a name", replaceInFile(`"encoder.onnx"`, `"\u001b[2Jx\r\nhello.onnx"`)},
	{"the manifest with a huge shape", replaceInFile(`"variables": `, `"variables": 99999999`)},
	{"the manifest of another version", replaceInFile(`"format_version": "1`, `"format_version": "9`)},
}

// replaceInFile returns what changes a text of a file.
func replaceInFile(old, with string) func(string) error {
	return func(path string) error {
		data, err := os.ReadFile(path + ".good")
		if err != nil {
			return err
		}
		if !bytes.Contains(data, []byte(old)) {
			return fmt.Errorf("%s does not hold %s", path, old)
		}
		return os.WriteFile(path, bytes.ReplaceAll(data, []byte(old), []byte(with)), 0o644)
	}
}

func (b *bench) hostile(ctx context.Context, name string, k hostileKind, command string) error {
	whole := b.path("whole")
	source, err := b.trainRows()
	if err != nil {
		return err
	}
	if !exists(whole) {
		if _, err := b.well(ctx, process{args: b.trainArgs(source, whole)}); err != nil {
			return err
		}
	}
	dir, err := b.empty("hostile")
	if err != nil {
		return err
	}
	run, out := filepath.Join(dir, "run"), filepath.Join(dir, "out")
	if err := os.CopyFS(run, os.DirFS(whole)); err != nil {
		return err
	}
	found, err := filepath.Glob(filepath.Join(run, name))
	if err != nil || len(found) == 0 {
		return fmt.Errorf("the run has no %s: %w", name, err)
	}
	for _, path := range found { // state files: in every checkpoint
		good := filepath.Join(dir, "good")
		if err := os.Rename(path, good); err != nil {
			return err
		}
		beside := path + ".good"
		if err := os.Rename(good, beside); err != nil {
			return err
		}
		if err := k.put(path); err != nil {
			return err
		}
		if err := os.Remove(beside); err != nil {
			return err
		}
	}
	bundle := filepath.Join(run, "bundle")
	var args []string
	switch command {
	case "infer":
		args = b.inferArgs("--model", bundle, "--in", source, "--out", out+".npy")
	case "inspect":
		args = b.catvae("inspect", bundle)
	case "inspect file":
		args = b.catvae("inspect", found[0])
	case "import":
		args = b.catvae("import", filepath.Join(bundle, "encoder.onnx"), found[0], "--out", out)
	case "eval":
		args = b.catvae("eval", "--model", run, "--data", source, "--samples", "1")
	case "sample":
		args = b.catvae("sample", "--model", bundle, "--out", out+".png")
	case "resume":
		args = b.trainArgs(source, run, "--resume", "--epochs", "4")
	case "export":
		args = b.catvae("export", "--run", run, "--out", out)
	}
	o, err := b.do(ctx, process{args: args, limit: hostileLimit})
	if err != nil {
		return err
	}
	switch {
	case o.hung || o.crashed():
		return o.broken("it must end within seconds, in words")
	case !slices.Contains([]int{0, 1, 4}, o.code) && (o.code != 64 || name != "config.json"):
		return o.broken("the exit status must be 0, 1 or 4")
	case o.code == 0 && (strings.HasPrefix(name, "bundle/manifest") || strings.HasSuffix(name, ".onnx") && command == "inspect"):
		return o.broken("it must refuse")
	case o.code != 0 && len(o.stderr) == 0:
		return o.broken("it must say why")
	}
	if i := bytes.IndexFunc(append(o.stdout, o.stderr...), func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' && r != '\r' }); i >= 0 {
		return o.broken("it writes control bytes to the terminal")
	}
	return o.within(hostileMemory)
}
