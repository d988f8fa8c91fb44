package wordpiece

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/catvae/catvae/internal/visible"
)

// These errors say why a tokenizer.json is not used.
var (
	// ErrFile: it is broken.
	ErrFile = errors.New("bad tokenizer")
	// ErrUnsupported: it is of another kind.
	ErrUnsupported = errors.New("unsupported tokenizer")
)

// kind begins each part of the file.
type kind struct {
	Type string `json:"type"`
}

// file is what is read of a tokenizer.json.
type file struct {
	Truncation *struct {
		Direction string `json:"direction"`
		Tokens    int    `json:"max_length"`
	} `json:"truncation"`
	Padding *struct {
		Direction string `json:"direction"`
		ID        int64  `json:"pad_id"`
	} `json:"padding"`
	Added      []added `json:"added_tokens"`
	Normalizer *struct {
		kind
		Clean     bool  `json:"clean_text"`
		Chinese   bool  `json:"handle_chinese_chars"`
		Accents   *bool `json:"strip_accents"`
		Lowercase bool  `json:"lowercase"`
	} `json:"normalizer"`
	PreTokenizer  *kind           `json:"pre_tokenizer"`
	PostProcessor json.RawMessage `json:"post_processor"`
	Model         struct {
		kind
		Unknown string           `json:"unk_token"`
		Prefix  string           `json:"continuing_subword_prefix"`
		Longest int              `json:"max_input_chars_per_word"`
		Vocab   map[string]int64 `json:"vocab"`
	} `json:"model"`
}

// added is a token that is found before words are.
type added struct {
	ID         int64  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	Left       bool   `json:"lstrip"` // spaces before it belong to it
	Right      bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"` // it is found after normalisation
}

// unsupported names a part that is of another kind.
func unsupported(part, got string, read ...string) error {
	return fmt.Errorf("wordpiece: %w: its %s is %q: %s is read, as BERT's family of models has it", ErrUnsupported, part, visible.Name(got), visible.Line(fmt.Sprint(read)))
}

func broken(format string, args ...any) error {
	return fmt.Errorf("wordpiece: %w: "+format, append([]any{ErrFile}, args...)...)
}

// Parse reads the content of a tokenizer.json.
func Parse(content []byte) (*Tokenizer, error) {
	var head struct {
		Model kind `json:"model"`
	}
	if err := json.Unmarshal(content, &head); err != nil {
		return nil, broken("it is no JSON of a tokenizer: %v", err)
	}
	if head.Model.Type != "WordPiece" { // before the vocabulary, which others have in other forms
		return nil, unsupported("model", head.Model.Type, "WordPiece")
	}
	var f file
	if err := json.Unmarshal(content, &f); err != nil {
		return nil, broken("it is no JSON of a tokenizer: %v", err)
	}
	switch {
	case f.Normalizer != nil && f.Normalizer.Type != "BertNormalizer":
		return nil, unsupported("normalizer", f.Normalizer.Type, "BertNormalizer")
	case f.PreTokenizer == nil || f.PreTokenizer.Type != "BertPreTokenizer":
		var got kind
		if f.PreTokenizer != nil {
			got = *f.PreTokenizer
		}
		return nil, unsupported("pre_tokenizer", got.Type, "BertPreTokenizer")
	case f.Truncation != nil && f.Truncation.Direction == "Left":
		return nil, unsupported("truncation.direction", "Left", "Right")
	case f.Padding != nil && f.Padding.Direction == "Left":
		return nil, unsupported("padding.direction", "Left", "Right")
	}
	t := &Tokenizer{vocab: f.Model.Vocab, longest: f.Model.Longest, prefix: f.Model.Prefix}
	if n := f.Normalizer; n != nil {
		t.normal = normalizer{clean: n.Clean, chinese: n.Chinese, lowercase: n.Lowercase, accents: n.Lowercase}
		if n.Accents != nil {
			t.normal.accents = *n.Accents
		}
	}
	if f.Truncation != nil {
		t.tokens = f.Truncation.Tokens
	}
	if f.Padding != nil {
		t.pad = f.Padding.ID
	}
	if err := t.setVocab(f); err != nil {
		return nil, err
	}
	var err error
	t.before, t.after, err = around(f.PostProcessor)
	return t, err
}

// setVocab checks the vocabulary and the tokens that were added to it.
func (t *Tokenizer) setVocab(f file) error {
	var ok bool
	if t.unknown, ok = t.vocab[f.Model.Unknown]; !ok {
		return broken("its vocabulary of %d tokens has no %q, which stands for unknown words", len(t.vocab), visible.Name(f.Model.Unknown))
	}
	for token, id := range t.vocab {
		if id < 0 {
			return broken("its token %q has the number %d", visible.Name(token), id)
		}
		t.largest = max(t.largest, id)
		t.bytes = max(t.bytes, len(token))
	}
	for _, a := range f.Added {
		if a.Content == "" || a.ID < 0 {
			return broken("its added token %q has the number %d", visible.Name(a.Content), a.ID)
		}
		t.largest = max(t.largest, a.ID)
		to := &t.raw
		if a.Normalized {
			a.Content = string(t.normal.append(nil, a.Content))
			to = &t.normalized
		}
		*to = append(*to, a)
	}
	for _, list := range [][]added{t.raw, t.normalized} { // of two that begin alike the longer is found
		slices.SortStableFunc(list, func(a, b added) int { return len(b.Content) - len(a.Content) })
	}
	return nil
}

// A processor is the part of the file that says what comes before and after a text.
type processor struct {
	kind
	Single []struct {
		SpecialToken *struct {
			ID   string `json:"id"`
			Type int    `json:"type_id"`
		} `json:"SpecialToken"`
		Sequence *struct {
			Type int `json:"type_id"`
		} `json:"Sequence"`
	} `json:"single"`
	Tokens map[string]struct {
		IDs []int64 `json:"ids"`
	} `json:"special_tokens"`
	CLS, SEP [2]json.RawMessage
}

// around returns the tokens before and after a text.
func around(text json.RawMessage) (before, after []int64, err error) {
	if len(text) == 0 || string(text) == "null" {
		return nil, nil, nil
	}
	var p processor
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, nil, broken("its post_processor: %v", err)
	}
	switch p.Type {
	case "TemplateProcessing":
		return p.template()
	case "BertProcessing", "RobertaProcessing":
		for part, to := range map[*[2]json.RawMessage]*[]int64{&p.CLS: &before, &p.SEP: &after} {
			var id int64
			if err := json.Unmarshal(part[1], &id); err != nil || id < 0 {
				return nil, nil, broken("its post_processor names no numbers of its tokens cls and sep")
			}
			*to = []int64{id}
		}
		return before, after, nil
	}
	return nil, nil, unsupported("post_processor", p.Type, "TemplateProcessing, BertProcessing or RobertaProcessing")
}

func (p processor) template() (before, after []int64, err error) {
	seen, to := 0, &before
	for _, piece := range p.Single {
		switch {
		case piece.Sequence != nil:
			seen, to = seen+1, &after
			if piece.Sequence.Type != 0 {
				return nil, nil, unsupported("post_processor's type_id", fmt.Sprint(piece.Sequence.Type), "0")
			}
		case piece.SpecialToken != nil:
			ids := p.Tokens[piece.SpecialToken.ID].IDs
			if len(ids) == 0 || slices.Min(ids) < 0 || piece.SpecialToken.Type != 0 {
				return nil, nil, broken("its post_processor has a token %q without a number, or of a second text", visible.Name(piece.SpecialToken.ID))
			}
			*to = append(*to, ids...)
		}
	}
	if seen != 1 {
		return nil, nil, broken("its post_processor has the text %d times", seen)
	}
	return before, after, nil
}
