package explore_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/catvae/catvae/cmd/internal/explore"
	"github.com/catvae/catvae/internal/imgrid"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// decodedPixels are those of the canvas that shows what is decoded: one byte a pixel, as pictures here are grey.
const decodedPixels = `(() => { const c = document.getElementById("decoded-canvas"); return Array.from(c.getContext("2d").getImageData(0, 0, c.width, c.height).data).filter((_, i) => i % 4 === 0); })()`

// shades are the bytes of what the model decodes from a code, by the runtime and the program's own pictures.
func shades(t *testing.T, e *explore.Explorer, code []float32) []int {
	t.Helper()
	decoded, err := e.Model.Decode(t.Context(), nil, code)
	if err != nil {
		t.Fatal(err)
	}
	f := imgrid.Of(e.Model.Manifest().Input.RowShape())
	f.Black, f.White = e.Model.Manifest().Input.Values().Shades()
	out := make([]int, len(decoded))
	for i, x := range decoded {
		out[i] = int(f.Shade(x))
	}
	return out
}

// codeOf is the code of a row.
func codeOf(t *testing.T, e *explore.Explorer, row int) []float32 {
	t.Helper()
	size := e.Rows.RowSize()
	code, err := e.Model.Codes(t.Context(), nil, allRows(e.Rows)[row*size:][:size])
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// A bit that is flipped, by a click and by keys, changes the picture to what the runtime decodes from the changed code.
func TestFlip(t *testing.T) {
	e, _ := explorer(t, pictures(bits))
	withCodes(t, e)
	b := newBrowser(t)
	b.open(served(t, e))
	want := codeOf(t, e, 0)
	same := func(what string) {
		t.Helper()
		b.wait(`catvae.item.code.join() === ` + quoted(want) + ` && catvae.item.decoded !== undefined`)
		shown := shades(t, e, want)
		b.wait(decodedPixels + `.join() === ` + quoted(shown))
		if pressed := value[[]int](b, `Array.from(document.querySelectorAll("#bits .bit"), (x) => Number(x.getAttribute("aria-pressed") === "true"))`); quoted(pressed) != quoted(want) {
			t.Errorf("%s: the bits shown are %v, want %v", what, pressed, want)
		}
	}
	same("the row as encoded")
	before := shades(t, e, want)
	b.do(chromedp.Click(chromedp.CSS(`#bits .bit:nth-child(4)`)))
	want[3] = 1 - want[3]
	same("a click")
	if slices.Equal(before, shades(t, e, want)) {
		t.Error("the bit changes nothing: the test shows nothing")
	}
	b.do(chromedp.KeyEvent(kb.ArrowRight + kb.ArrowRight + " "))
	want[5] = 1 - want[5]
	same("two steps to the right, and a space")
	b.do(chromedp.KeyEvent(kb.Home + kb.Enter))
	want[0] = 1 - want[0]
	same("the first, and Enter")
	if said := value[string](b, `document.getElementById("item-state").textContent`); said[:21] != "3 bits of 18 changed;" {
		t.Errorf("the page says %q", said)
	}
	b.do(chromedp.KeyEvent("u"))
	want = codeOf(t, e, 0)
	same("undone")
	b.do(chromedp.KeyEvent("n"))
	want = codeOf(t, e, 1)
	same("the next row")
	b.wait(`document.querySelector("#nearest .thumb")?.getAttribute("aria-label").startsWith("code 1, 0 bits away")`)
	b.quiet()
}

// A picture that is chosen becomes the row that the runtime makes of the file.
func TestPicture(t *testing.T) {
	e, _ := explorer(t, pictures(bits))
	img := image.NewGray(image.Rect(0, 0, 28, 28))
	for i := range img.Pix {
		img.SetGray(i%28, i/28, color.Gray{Y: uint8(i * 7)})
	}
	var file bytes.Buffer
	if err := png.Encode(&file, img); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "a <b>.png")
	if err := os.WriteFile(name, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t)
	b.open(served(t, e))
	b.do(chromedp.SetUploadFiles(chromedp.CSS(`#file`), []string{name}))
	b.wait(`catvae.item.name === "a <b>.png"`)
	want, err := e.Model.EncodePicture(t.Context(), nil, file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got := value[[]int](b, `Array.from(catvae.latent.pack(catvae.item.code))`); quoted(got) != quoted(want) {
		t.Errorf("the code is %v, want %v", got, want)
	}
	if shown := value[string](b, `document.getElementById("item-name").textContent`); shown != "a <b>.png" {
		t.Errorf("the name is shown as %q", shown)
	}
	value[any](b, fmt.Sprintf(`(() => {
		const data = new DataTransfer();
		data.items.add(new File([new Uint8Array([%s])], "dropped.png", { type: "image/png" }));
		document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
	})()`, quotedList(file.Bytes())))
	b.wait(`catvae.item.name === "dropped.png"`)
	if got := value[[]int](b, `Array.from(catvae.latent.pack(catvae.item.code))`); quoted(got) != quoted(want) {
		t.Errorf("the code of the dropped picture is %v, want %v", got, want)
	}
	small := filepath.Join(t.TempDir(), "small.png")
	file.Reset()
	if err := png.Encode(&file, image.NewGray(image.Rect(0, 0, 5, 5))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(small, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.SetUploadFiles(chromedp.CSS(`#file`), []string{small})) // which the model's rule does not resize
	b.wait(`/5x5/.test(document.getElementById("problem").textContent)`)
}

// The page fits small screens, follows the system's colours, and every control on it has a name.
func TestLooks(t *testing.T) {
	e, _ := explorer(t, pictures(kinds["categorical"]))
	withCodes(t, e)
	b := newBrowser(t)
	url := served(t, e)
	b.do(chromedp.EmulateViewport(400, 800))
	b.open(url)
	b.wait(`document.querySelectorAll("#frames li").length > 0 && document.querySelectorAll("#samples li").length > 0`)
	value[any](b, `document.getElementById("atlas-compute").click()`)
	b.wait(`document.querySelectorAll("#atlas li").length === 30`)
	if wide := value[int](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); wide > 0 {
		t.Errorf("at 400 pixels the page is %d too wide", wide)
	}
	if wide := value[[]string](b, `Array.from(document.querySelectorAll("main *")).filter((x) => x.getBoundingClientRect().right > 401).map((x) => x.id || x.className || x.tagName)`); len(wide) > 0 {
		t.Errorf("at 400 pixels these stand out: %v", wide)
	}
	light := value[[]float64](b, background)
	b.scheme("dark")
	dark := value[[]float64](b, background)
	if light[0] < 200 || dark[0] > 60 {
		t.Errorf("the background is %v, in the dark %v", light, dark)
	}
	if unnamed := value[[]string](b, unnamedControls); len(unnamed) > 0 {
		t.Errorf("these have no name that is read aloud: %v", unnamed)
	}
	if small := value[int](b, `Array.from(document.querySelectorAll("button:not(.bit)")).filter((x) => x.offsetParent && x.getBoundingClientRect().height < 32).length`); small > 0 {
		t.Errorf("%d buttons are too low for a finger", small)
	}
	b.quiet()
}

const (
	background      = `getComputedStyle(document.body).backgroundColor.match(/[\d.]+/g).map(Number)`
	unnamedControls = `Array.from(document.querySelectorAll("button, input, canvas[role=img], progress, meter, section")).filter((x) => x.offsetParent && !(x.getAttribute("aria-label") || x.getAttribute("aria-labelledby") || x.textContent.trim() || x.labels?.length)).map((x) => x.id || x.outerHTML.slice(0, 80))`
)

// scheme sets the colours that the system prefers.
func (b *tab) scheme(name string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
	if err != nil {
		b.t.Fatal(err)
	}
}
