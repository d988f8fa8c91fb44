package cli_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/catvae/catvae/cmd/internal/cli"
)

var update = flag.Bool("update", false, "write the table of exit codes into docs/deploy.md")

const root = "../../.."

// The test binary is also the programs that tests start: its last argument names one of them.
func TestMain(m *testing.M) {
	if program := programs[os.Args[len(os.Args)-1]]; program != nil {
		os.Args = os.Args[:1]
		program()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var programs = map[string]func(){
	"die of a panic": func() { panic("a fault of ours") },
	"die for lack of memory": func() {
		for hold := [][]byte{}; ; {
			hold = append(hold, bytes.Repeat([]byte{1}, 64<<20))
		}
	},
}

// No exit code of ours is one that a program gets which dies: of a panic, or for lack of memory.
func TestDeaths(t *testing.T) {
	t.Parallel()
	for death, shell := range map[string]string{
		"die of a panic":         `exec "$0" "$1"`,
		"die for lack of memory": `ulimit -v 4000000; exec "$0" "$1"`, // kilobytes
	} {
		cmd := exec.Command("sh", "-c", shell, os.Args[0], death)
		cmd.Env = append(os.Environ(), "GOTRACEBACK=single")
		text, _ := cmd.CombinedOutput()
		code := cmd.ProcessState.ExitCode()
		if !isDeath(code) || isExit(code) {
			t.Errorf("%s: the runtime ended the program with %d: %.300s", death, code, text)
		}
	}
	for _, d := range cli.Deaths() {
		if isExit(d.Code) {
			t.Errorf("%d is ours and another's", d.Code)
		}
	}
}

func isExit(code int) bool {
	return slices.ContainsFunc(cli.Exits(), func(e cli.Exit) bool { return e.Code == code })
}

func isDeath(code int) bool {
	return slices.ContainsFunc(cli.Deaths(), func(e cli.Exit) bool { return e.Code == code })
}

// The table in docs/deploy.md is made from the one in the source; go test ./cmd/internal/cli -update writes it.
func TestExitsPage(t *testing.T) {
	path := filepath.Join(root, "docs/deploy.md")
	page := read(t, path)
	before, rest, found := strings.Cut(page, "<!-- exits -->\n")
	old, after, end := strings.Cut(rest, "<!-- /exits -->\n")
	if !found || !end {
		t.Fatalf("%s has no marks for the table", path)
	}
	var table strings.Builder
	fmt.Fprint(&table, "| exit | meaning | try again? |\n| --- | --- | --- |\n")
	for _, e := range slices.Concat(cli.Exits(), cli.Deaths()) {
		fmt.Fprintf(&table, "| %d | %s | %s |\n", e.Code, e.Meaning, e.Again)
	}
	if *update {
		if err := os.WriteFile(path, []byte(before+"<!-- exits -->\n"+table.String()+"<!-- /exits -->\n"+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != table.String() {
		t.Errorf("%s is not what go test ./cmd/internal/cli -run TestExitsPage -update writes", path)
	}
}

// The Job of Kubernetes ends, or gives a shard up, on the codes after which another try is useless, and on no other.
func TestKubernetesExits(t *testing.T) {
	yaml := read(t, filepath.Join(root, "deploy/kubernetes/infer-job.yaml"))
	got := map[int]string{}
	for _, rule := range regexp.MustCompile(`action: (\w+)[^\n]*\n\s+onExitCodes:\n\s+containerName: infer\n\s+operator: In\n\s+values: \[([0-9, ]+)\]`).FindAllStringSubmatch(yaml, -1) {
		for word := range strings.SplitSeq(rule[2], ", ") {
			code, err := strconv.Atoi(word)
			if err != nil {
				t.Fatal(err)
			}
			got[code] = rule[1]
		}
	}
	if len(got) == 0 || strings.Count(yaml, "onExitCodes") != 2 {
		t.Fatalf("the rules are not as this test reads them: %v", got)
	}
	for _, e := range slices.Concat(cli.Exits(), cli.Deaths()) {
		if want := map[cli.Again]string{cli.Never: "FailJob", cli.OtherJob: "FailIndex"}[e.Again]; got[e.Code] != want {
			t.Errorf("exit %d has the action %q, want %q", e.Code, got[e.Code], want)
		}
		delete(got, e.Code)
	}
	if len(got) > 0 {
		t.Errorf("rules for codes that nobody gives: %v", got)
	}
}

// A number that a page, a script or a file of a deployment calls an exit code is in the table. Only the page with the table,
// the Job and the changelog speak of the numbers that are not ours.
func TestExitsInTexts(t *testing.T) {
	numbers := regexp.MustCompile(`(?i)\b(?:exits?|exit (?:status|codes?)|ends? with|with status|status)(?: of)?[ =(]+(\d+)((?:(?:,| and| or) \d+)*)\b`)
	mayName := []string{"docs/deploy.md", "deploy/kubernetes/infer-job.yaml", "CHANGELOG.md"}
	seen := 0
	for _, pattern := range []string{
		"*.md", "docs/*.md", "deploy/*/*", "examples/*/*.sh", "examples/*/*.md", "bench/trials/*", ".ci/run", "cmd/*/*.sh", "cmd/*/*.go", "cmd/internal/*/*.go",
		"cmd/catvae/testdata/script/*",
	} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			name, _ := filepath.Rel(root, file)
			name = filepath.ToSlash(name)
			if strings.HasPrefix(name, "cmd/internal/cli/exit") {
				continue
			}
			for _, m := range numbers.FindAllStringSubmatch(read(t, file), -1) {
				for _, number := range regexp.MustCompile(`\d+`).FindAllString(m[1]+m[2], -1) {
					seen++
					code, _ := strconv.Atoi(number)
					if isExit(code) || isDeath(code) && slices.Contains(mayName, name) || code == 143 && strings.HasPrefix(name, "examples/") && strings.HasSuffix(name, ".sh") {
						continue
					}
					t.Errorf("%s: %q: %d is no exit code of ours", name, m[0], code)
				}
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d exit codes were found: does this test look in the right places?", seen)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
