package wordpiece

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// golden is what testdata/generate.py wrote: tokenizers, and the tokens that Hugging Face's own library makes of odd texts.
type golden struct {
	Name      string
	Tokenizer json.RawMessage
	Texts     []struct {
		Text   string
		Tokens []int64
	}
}

func goldens(tb testing.TB) (all []golden) {
	tb.Helper()
	text, err := os.ReadFile("testdata/tokenizers.json")
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil || len(all) == 0 {
		tb.Fatalf("%d tokenizers, %v", len(all), err)
	}
	return all
}

func TestTokensAreTheLibrarys(t *testing.T) {
	for _, g := range goldens(t) {
		tok, err := Parse(g.Tokenizer)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range g.Texts {
			got, cut := tok.Append([]int64{-7}, c.Text, tok.Tokens())
			if !slices.Equal(got[1:], c.Tokens) || got[0] != -7 {
				t.Errorf("%s: %q: %v, want %v", g.Name, c.Text, got, c.Tokens)
			}
			if whole, _ := tok.Append(nil, c.Text, 0); cut != (len(whole) > len(c.Tokens)) {
				t.Errorf("%s: %q: cut is %v, but %d of %d tokens are left", g.Name, c.Text, cut, len(c.Tokens), len(whole))
			}
			for _, id := range got[1:] {
				if id > tok.Largest() {
					t.Errorf("%s: %q: token %d, above %d", g.Name, c.Text, id, tok.Largest())
				}
			}
		}
	}
}

func TestRefusesOtherKinds(t *testing.T) {
	good := string(goldens(t)[0].Tokenizer)
	for name, c := range map[string]struct {
		content, want string
		kind          error
	}{
		"no JSON":           {"{", "no JSON", ErrFile},
		"empty":             {"{}", `model is ""`, ErrUnsupported},
		"BPE":               {`{"model":{"type":"BPE","vocab":{},"merges":[]}}`, `model is "BPE"`, ErrUnsupported},
		"Unigram":           {`{"model":{"type":"Unigram","vocab":[["<s>",0]]}}`, `model is "Unigram"`, ErrUnsupported},
		"another words":     {strings.Replace(good, "BertPreTokenizer", "Metaspace", 1), `pre_tokenizer is "Metaspace"`, ErrUnsupported},
		"another normal":    {strings.Replace(good, "BertNormalizer", "NFKC", 1), `normalizer is "NFKC"`, ErrUnsupported},
		"another processor": {strings.Replace(good, "TemplateProcessing", "ByteLevel", 1), `post_processor is "ByteLevel"`, ErrUnsupported},
		"cut on the left":   {strings.Replace(good, `"direction":"Right"`, `"direction":"Left"`, 1), `truncation.direction is "Left"`, ErrUnsupported},
		"no unknown word":   {strings.Replace(good, `"unk_token":"[UNK]"`, `"unk_token":"[GONE]"`, 1), `no "[GONE]"`, ErrFile},
		"a negative token":  {strings.Replace(good, `"hello":`, `"hello":-`, 1), `"hello" has the number -`, ErrFile},
	} {
		if c.content == good {
			t.Fatalf("%s: nothing was spoilt", name)
		}
		if _, err := Parse([]byte(c.content)); !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// Whatever a file says and a text holds, nothing panics, and a text is cut where it is asked to be.
func FuzzTokenizer(f *testing.F) {
	for _, g := range goldens(f) {
		for _, c := range g.Texts[:20] {
			f.Add([]byte(g.Tokenizer), c.Text)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte, text string) {
		tok, err := Parse(content)
		if err != nil {
			if !errors.Is(err, ErrFile) && !errors.Is(err, ErrUnsupported) {
				t.Fatalf("%v is of no kind", err)
			}
			return
		}
		most := tok.Around() + 5
		if ids, cut := tok.Append(nil, text, most); len(ids) > most || cut && len(ids) != most {
			t.Fatalf("%d tokens of at most %d, cut: %v", len(ids), most, cut)
		}
	})
}
