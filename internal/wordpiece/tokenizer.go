package wordpiece

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Tokenizer turns texts into numbers of tokens. It is safe for concurrent use.
type Tokenizer struct {
	normal          normalizer
	raw, normalized []added // found before and after normalisation, long ones first
	vocab           map[string]int64
	bytes           int // of the longest token
	largest         int64
	unknown, pad    int64
	prefix          string // before a token that continues a word
	longest         int    // characters of a word that is not unknown as it is
	before, after   []int64
	tokens          int
}

// Largest returns the largest number that a token can have.
func (t *Tokenizer) Largest() int64 { return t.largest }

// Pad returns the number that fills rows of tokens up.
func (t *Tokenizer) Pad() int64 { return t.pad }

// Tokens returns how many tokens the file cuts texts to, 0 where it does not say.
func (t *Tokenizer) Tokens() int { return t.tokens }

// Around returns how many tokens every text has, whatever is in it.
func (t *Tokenizer) Around() int { return len(t.before) + len(t.after) }

// Append appends the tokens of a text, at most so many where most is not 0; most is above [Tokenizer.Around]. It says whether the text had more.
// Bytes that are no UTF-8 are as U+FFFD.
func (t *Tokenizer) Append(dst []int64, text string, most int) (tokens []int64, cut bool) {
	from := len(dst)
	dst = append(dst, t.before...)
	split(text, t.raw, func(id int64) { dst = append(dst, id) }, func(piece string) {
		if most > 0 && len(dst)-from+len(t.after) > most { // the rest is cut off whatever it is
			return
		}
		split(string(t.normal.append(nil, piece)), t.normalized, func(id int64) { dst = append(dst, id) }, func(piece string) {
			dst = t.words(dst, piece)
		})
	})
	if most > 0 && len(dst)-from+len(t.after) > most {
		dst, cut = dst[:from+most-len(t.after)], true
	}
	return append(dst, t.after...), cut
}

// split finds added tokens in a text, and gives what lies between.
func split(text string, tokens []added, found func(id int64), between func(piece string)) {
	start := 0
	for i := 0; i < len(text) && len(tokens) > 0; {
		a := at(text, i, tokens)
		if a == nil {
			_, size := utf8.DecodeRuneInString(text[i:])
			i += size
			continue
		}
		from, to := i, i+len(a.Content)
		if a.Left {
			from = start + len(strings.TrimRightFunc(text[start:from], isSpace))
		}
		if a.Right {
			to = len(text) - len(strings.TrimLeftFunc(text[to:], isSpace))
		}
		if from > start {
			between(text[start:from])
		}
		found(a.ID)
		start, i = to, to
	}
	if start < len(text) {
		between(text[start:])
	}
}

// at returns the token that begins at a place of a text, nil where none does.
func at(text string, i int, tokens []added) *added {
	for k := range tokens {
		a := &tokens[k]
		if !strings.HasPrefix(text[i:], a.Content) {
			continue
		}
		if a.SingleWord {
			before, _ := utf8.DecodeLastRuneInString(text[:i])
			after, _ := utf8.DecodeRuneInString(text[i+len(a.Content):])
			if i > 0 && isWord(before) || i+len(a.Content) < len(text) && isWord(after) {
				continue
			}
		}
		return a
	}
	return nil
}

// isWord reports a character of a word, as \w of a regular expression has it.
func isWord(c rune) bool {
	return c == '_' || unicode.In(c, unicode.L, unicode.M, unicode.N, unicode.Pc)
}

// words appends the tokens of a normalised text's words.
func (t *Tokenizer) words(dst []int64, text string) []int64 {
	start := 0
	for i, c := range text {
		space := isSpace(c)
		if !space && !isPunctuation(c) {
			continue
		}
		dst = t.word(dst, text[start:i])
		start = i + utf8.RuneLen(c)
		if !space {
			dst = t.word(dst, text[i:start])
		}
	}
	return t.word(dst, text[start:])
}

// word appends the tokens of a word: the longest beginning that is a token, then that of the rest, which has the prefix before it.
// A word with a rest that begins with no token is unknown as a whole.
func (t *Tokenizer) word(dst []int64, word string) []int64 {
	if word == "" {
		return dst
	}
	if id, ok := t.vocab[word]; ok && utf8.RuneCountInString(word) <= t.longest {
		return append(dst, id)
	}
	if utf8.RuneCountInString(word) > t.longest {
		return append(dst, t.unknown)
	}
	from := len(dst)
	piece := make([]byte, 0, t.bytes)
	for start := 0; start < len(word); {
		piece = piece[:0]
		if start > 0 {
			piece = append(piece, t.prefix...)
		}
		head := len(piece)
		piece = append(piece, word[start:min(len(word), start+t.bytes)]...)
		found := false
		for n := len(piece); n > head; n-- {
			if id, ok := t.vocab[string(piece[:n])]; ok {
				dst, found, start = append(dst, id), true, start+n-head
				break
			}
		}
		if !found {
			return append(dst[:from], t.unknown)
		}
	}
	return dst
}
