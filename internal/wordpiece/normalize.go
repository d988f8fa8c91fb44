package wordpiece

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// normalizer is BertNormalizer.
type normalizer struct{ clean, chinese, accents, lowercase bool }

// append appends a text as the vocabulary writes it. Its steps are those of the library, in its order; each is of single characters,
// except that accents are taken from their letters before they go.
func (n normalizer) append(dst []byte, text string) []byte {
	if n.plain(text) {
		for _, c := range []byte(text) {
			if n.lowercase && 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			dst = append(dst, c)
		}
		return dst
	}
	if n.clean || n.chinese {
		cleaned := make([]byte, 0, len(text)+8)
		for _, c := range text {
			switch {
			case n.clean && unicode.Is(controls, c):
			case n.clean && isSpace(c):
				cleaned = append(cleaned, ' ')
			case n.chinese && isChinese(c):
				cleaned = append(utf8.AppendRune(append(cleaned, ' '), c), ' ')
			default:
				cleaned = utf8.AppendRune(cleaned, c)
			}
		}
		text = string(cleaned)
	}
	if n.accents {
		text = norm.NFD.String(text)
	}
	for _, c := range text {
		switch {
		case n.accents && unicode.Is(accents, c):
		case n.lowercase && c == 'İ': // the one capital of two characters
			dst = append(dst, "i\u0307"...)
		case n.lowercase:
			dst = utf8.AppendRune(dst, unicode.ToLower(c))
		default:
			dst = utf8.AppendRune(dst, c)
		}
	}
	return dst
}

// plain reports a text of printable ASCII, of which only capitals change.
func (n normalizer) plain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] >= 0x7f {
			return false
		}
	}
	return true
}

func isSpace(c rune) bool { return unicode.Is(unicode.White_Space, c) }

// isPunctuation reports a mark that is a word of its own: all that ASCII has, and what Unicode calls punctuation.
func isPunctuation(c rune) bool { return unicode.Is(punctuation, c) }

// isChinese reports a character of the CJK Unified Ideographs, as BERT counts them.
func isChinese(c rune) bool {
	return c >= 0x3400 && unicode.Is(chinese, c)
}

// chinese is as in BERT's own code: https://github.com/google-research/bert/blob/master/tokenization.py.
var chinese = &unicode.RangeTable{
	R16: []unicode.Range16{{0x3400, 0x4dbf, 1}, {0x4e00, 0x9fff, 1}, {0xf900, 0xfaff, 1}},
	R32: []unicode.Range32{{0x20000, 0x2a6df, 1}, {0x2a700, 0x2b73f, 1}, {0x2b740, 0x2b81f, 1}, {0x2b920, 0x2ceaf, 1}, {0x2f800, 0x2fa1f, 1}},
}
