package bundle

import (
	"strings"
	"testing"
)

func TestEmbedder(t *testing.T) {
	t.Parallel()
	sum := strings.Repeat("0f", 32)
	good := Embedder{Model: sum, Tokenizer: sum, Pooling: "mean", Normalize: true, Tokens: 128, Width: 16}
	for want, change := range map[string]func(e *Embedder){
		"":             func(e *Embedder) {},
		"SHA-256":      func(e *Embedder) { e.Model = "x" },
		"hexadecimal":  func(e *Embedder) { e.Tokenizer = strings.ToUpper(sum) },
		"pooling is":   func(e *Embedder) { e.Pooling = "max" },
		"tokens is 0":  func(e *Embedder) { e.Tokens = 0 },
		"width is 384": func(e *Embedder) { e.Width = 384 },
	} {
		e := good
		change(&e)
		err := e.validate(16)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for want, change := range map[string]func(e *Embedder){
		"":                                  func(e *Embedder) { e.Width = 7 },
		"another model":                     func(e *Embedder) { e.Model = "" },
		"another tokenizer":                 func(e *Embedder) { e.Tokenizer = "" },
		"pooling cls, not mean":             func(e *Embedder) { e.Pooling = "cls" },
		"normalize false, not true":         func(e *Embedder) { e.Normalize = false },
		"texts of up to 64 tokens, not 128": func(e *Embedder) { e.Tokens = 64 },
	} {
		e := good
		change(&e)
		if got := good.Differs(e); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
