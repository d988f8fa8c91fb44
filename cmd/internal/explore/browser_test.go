package explore_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/chromedp/chromedp"
)

// browserVariable names the browser that tests drive.
const browserVariable = "CATVAE_CHROMIUM"

// browserFile finds a Chromium, or skips the test.
func browserFile(t *testing.T) string {
	t.Helper()
	if file := os.Getenv(browserVariable); file != "" {
		return file
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if file, err := exec.LookPath(name); err == nil {
			return file
		}
	}
	ortest.Skip(t, "no Chromium is on PATH, and "+browserVariable+" names none")
	return ""
}

// A tab is a page of a browser.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	messages []string // of the console: errors, exceptions, what the page's policy refuses
}

// newBrowser starts a browser, which ends with the test.
func newBrowser(t *testing.T, more ...chromedp.ExecAllocatorOption) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(browserFile(t)), chromedp.Flag("hide-scrollbars", false))
	if os.Geteuid() == 0 { // Chromium has no sandbox for root
		options = append(options, chromedp.NoSandbox)
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), append(options, more...)...)
	t.Cleanup(cancel)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(end)
	b := &tab{t: t, ctx: ctx}
	b.do(chromedp.EmulateViewport(1280, 900))
	go func() {
		for m, err := range chromedp.Console(ctx) {
			if err != nil {
				return
			}
			if strings.Contains(m.Text, "willReadFrequently") { // of a test that reads pixels
				continue
			}
			b.mu.Lock()
			b.messages = append(b.messages, m.String())
			b.mu.Unlock()
		}
	}()
	return b
}

// quiet reports what the page has written to the console.
func (b *tab) quiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.messages {
		b.t.Errorf("the console has: %s", m)
	}
	b.messages = nil
}

// do makes a step.
func (b *tab) do(step chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, step); err != nil {
		b.t.Fatal(err)
	}
}

// open goes to a page of ours, and waits until it is ready.
func (b *tab) open(url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
	b.wait(`document.documentElement.dataset.ready === "true" || !document.getElementById("problem").hidden`)
	if problem := value[string](b, `document.getElementById("problem").textContent`); problem != "" {
		b.t.Fatalf("the page says: %s", problem)
	}
}

// wait waits until an expression is true.
func (b *tab) wait(expression string) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool](`Boolean(`+expression+`)`, chromedp.WithPollingTimeout(waitTime))); err != nil {
		b.t.Fatalf("waiting for %s: %v; the page says %q", expression, err, value[string](b, `document.getElementById("problem")?.textContent ?? ""`))
	}
}

// value evaluates an expression, of a promise what it becomes.
func value[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil && !errors.Is(err, chromedp.ErrJSNull) && !errors.Is(err, chromedp.ErrJSUndefined) {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// waitTime is how long anything in a page may take, on a machine that does much else.
const waitTime = 2 * time.Minute
