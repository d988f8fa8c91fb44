package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime"
	"golang.org/x/term"
)

// Download is the flag of commands that are much slower without onnxruntime.
type Download struct {
	Download bool `help:"Fetch the pinned onnxruntime into the user's cache if none is found (about 30 MB, through pip or npm). Without the flag a terminal is asked, and nothing is fetched where there is none."`
}

// OpenOrFetch is [Backend.Open] for a command that is much slower without onnxruntime. If it is missing, it is fetched where the flag
// says so, or where a person at the terminal does. Nobody is asked where nothing may be downloaded.
func (d Download) OpenOrFetch(ctx context.Context, env Env, b Backend, more ...onnxruntime.Option) (backend.Backend, error) {
	install := d.Download
	if !install && onnxruntime.Linked && b.Backend == BackendAuto && os.Getenv(onnxruntime.NoDownload) != "1" && isTerminal(os.Stdin) && isTerminal(os.Stderr) {
		if _, _, err := onnxruntime.FindLibrary(ctx, b.Options()...); err != nil && b.mayFallBack(err) {
			if install, err = ask(ctx, os.Stdin, env.Stderr, fmt.Sprintf("onnxruntime is not installed, and without it training is several times slower.\nFetch onnxruntime %s (about 30 MB) into your cache now? [Y/n] ", onnxruntime.Version)); err != nil {
				return nil, err
			}
		}
	}
	if !install && onnxruntime.Linked {
		env.fallBackHint = "--download fetches it"
	}
	return b.Open(ctx, env, install, more...)
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// ask puts a question and returns whether the answer is yes, as an empty line is. The end of the input is no.
func ask(ctx context.Context, in io.Reader, out io.Writer, question string) (yes bool, err error) {
	if _, err := io.WriteString(out, question); err != nil {
		return false, err
	}
	answer := make(chan string, 1)
	go func() {
		line, err := bufio.NewReader(in).ReadString('\n')
		if err != nil {
			line = "no"
		}
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case line := <-answer:
		return line == "" || line == "y" || line == "yes", nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}
