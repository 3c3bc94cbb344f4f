package text

import (
	"iter"
	"unicode"
	"unicode/utf8"
)

// Kind says what a token is made of.
type Kind uint8

// The kinds of tokens.
const (
	Word   Kind = iota + 1 // letters and digits of a script with spaces between words
	Number                 // digits only, with at most decimal points inside
	Run                    // characters of a script without spaces: Han, Kana, Thai, ...
)

// String returns the kind's name.
func (k Kind) String() string {
	switch k {
	case Word:
		return "word"
	case Number:
		return "number"
	case Run:
		return "run"
	default:
		return "unknown"
	}
}

// Token is one piece of a text.
type Token struct {
	Text string
	Kind Kind
	// Joined is how many bytes of Text stood before an apostrophe, 0 if there was
	// none: see In.
	Joined int
}

// MaxTokenRunes bounds the length of a word or number in characters; the rest
// of a longer one is dropped, so that a megabyte without a space is one short
// token. Runs are not cut: their users take them apart by character.
const MaxTokenRunes = 64

// unspaced are the scripts that are written without spaces between words, and
// Hangul, whose spaced words carry so many endings that character pairs find
// more.
var unspaced = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul,
	unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
}

func isUnspaced(r rune) bool {
	if r < 0x0e00 {
		return false
	}
	// The prolonged sound mark and the iteration mark belong to no single
	// script, but are letters of Japanese words.
	return r == 'ー' || r == '々' || unicode.In(r, unspaced...)
}

// Tokens yields the tokens of s, which must come from [Normalize], in order.
//
// A word is letters, digits and combining marks. An apostrophe between letters
// is dropped together with a following s ("trump's" is "trump", "don't" is
// "dont"); points between single letters are dropped ("u.s." is "us"); commas
// between digits are dropped and points kept ("1,500.5" is "1500.5").
func Tokens(s string) iter.Seq[Token] {
	return func(yield func(Token) bool) {
		for i := 0; i < len(s); {
			r, n := utf8.DecodeRuneInString(s[i:])
			var t Token
			var end int
			switch {
			case isUnspaced(r):
				end = runEnd(s, i)
				t = Token{Text: s[i:end], Kind: Run}
			case isWordRune(r):
				t, end = scanWord(s, i)
			default:
				i += n
				continue
			}
			i = end
			if t.Text != "" && !yield(t) {
				return
			}
		}
	}
}

func isWordRune(r rune) bool {
	if r == utf8.RuneError {
		return false
	}
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z'
	}
	return (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)) && !isUnspaced(r)
}

func runEnd(s string, i int) int {
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		if !isUnspaced(r) && !unicode.IsMark(r) {
			break
		}
		i += n
	}
	return i
}

// scanWord reads the word or number that begins at s[i] and returns it with
// the position after it.
func scanWord(s string, i int) (Token, int) {
	var (
		buf     []byte // the word so far, when it is not simply s[start:i]
		start   = i
		runes   int
		letters int    // how many of the runes are no digits
		acronym = true // single letters with points between them so far
		prev    rune
	)
	emit := func(r rune) {
		if runes < MaxTokenRunes {
			buf = utf8.AppendRune(buf, r)
		}
		runes++
		if !unicode.IsDigit(r) {
			letters++
		}
		prev = r
	}
	sincePoint, joined := 0, 0
	done := func(end int) Token {
		t := token(s, start, end, buf, runes, letters)
		t.Joined = joined
		return t
	}
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		if isWordRune(r) {
			if sincePoint++; sincePoint > 1 {
				acronym = false
			}
			emit(r)
			i += n
			continue
		}
		next, _ := utf8.DecodeRuneInString(s[i+n:])
		switch {
		case (r == '\'' || r == '’') && unicode.IsLetter(prev) && isWordRune(next):
			i += n
			if after := i + 1; next == 's' && !wordAt(s, after) {
				return done(i - n), after
			}
			if joined == 0 {
				joined = len(buf)
			}
			continue
		case r == '.' && acronym && unicode.IsLetter(prev) && unicode.IsLetter(next) && isWordRune(next) && singleAt(s, i+n):
			sincePoint = 0
			i += n
			continue
		case r == '.' && unicode.IsDigit(prev) && unicode.IsDigit(next) && letters == 0:
			if runes < MaxTokenRunes {
				buf = append(buf, '.')
			}
			i += n
			prev = '.'
			continue
		case r == ',' && unicode.IsDigit(prev) && unicode.IsDigit(next) && letters == 0:
			i += n
			continue
		}
		break
	}
	return done(i), i
}

// wordAt reports whether a word goes on at s[i].
func wordAt(s string, i int) bool {
	r, _ := utf8.DecodeRuneInString(s[i:])
	return isWordRune(r)
}

// singleAt reports whether the letter at s[i] stands alone, as those of "u.s."
// do and the "com" of "example.com" does not.
func singleAt(s string, i int) bool {
	_, n := utf8.DecodeRuneInString(s[i:])
	return !wordAt(s, i+n)
}

func token(s string, start, end int, buf []byte, runes, letters int) Token {
	kind := Word
	if letters == 0 {
		kind = Number
	}
	if runes <= MaxTokenRunes && string(buf) == s[start:end] {
		return Token{Text: s[start:end], Kind: kind} // no copy for plain words
	}
	return Token{Text: string(buf), Kind: kind}
}
