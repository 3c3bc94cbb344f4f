package clean

import (
	"strings"
	"unicode"

	"github.com/abadojack/whatlanggo"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/text/unicode/norm"
)

// Text turns HTML into plain text: blocks become lines, scripts and styles go,
// entities become characters, in normal form C. What is plain text already
// stays as it is, but for white space. Markup that was escaped twice is
// undone, as feeds have it.
func Text(s string) string {
	for range 2 {
		if !strings.ContainsAny(s, "<&") {
			break
		}
		s = strip(s)
		if !strings.Contains(s, "</") && !strings.Contains(s, "<p>") && !strings.Contains(s, "<br") {
			break
		}
	}
	return tidy(norm.NFC.String(strings.ToValidUTF8(s, "")))
}

// blocks end a line.
var blocks = map[atom.Atom]bool{
	atom.P: true, atom.Div: true, atom.Br: true, atom.Li: true, atom.Ul: true, atom.Ol: true, atom.Tr: true, atom.Table: true,
	atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true, atom.H5: true, atom.H6: true, atom.Blockquote: true,
	atom.Pre: true, atom.Section: true, atom.Article: true, atom.Figure: true, atom.Figcaption: true, atom.Hr: true,
	atom.Header: true, atom.Footer: true, atom.Dd: true, atom.Dt: true,
}

// silent elements have no text for readers.
var silent = map[atom.Atom]bool{
	atom.Script: true, atom.Style: true, atom.Iframe: true, atom.Noscript: true, atom.Template: true, atom.Svg: true,
	atom.Object: true, atom.Head: true, atom.Title: false,
}

func strip(s string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(s))
	z.SetMaxBuf(1 << 20)
	var skip atom.Atom
	at := 0 // what was read of s
	ends := ends{s, map[atom.Atom]int{}}
	for {
		kind := z.Next()
		at += len(z.Raw())
		switch kind {
		case html.ErrorToken:
			return b.String()
		case html.TextToken:
			if skip == 0 {
				b.Write(z.Text())
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			a := atom.Lookup(name)
			if blocks[a] {
				b.WriteByte('\n')
			}
			if skip == 0 && silent[a] {
				// Without its end it would swallow all that follows.
				if kind == html.StartTagToken && ends.after(a, at) {
					skip = a
				} else {
					z.NextIsNotRawText()
				}
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			a := atom.Lookup(name)
			if a == skip {
				skip = 0
			}
			if blocks[a] {
				b.WriteByte('\n')
			}
		}
	}
}

// ends finds the end tags of a text. It remembers where the next of each
// element is, so that the text is gone through once for each.
type ends struct {
	s    string
	next map[atom.Atom]int // len(s): there is none any more
}

// after says whether an element is closed at or after an offset.
func (e ends) after(a atom.Atom, at int) bool {
	i, ok := e.next[a]
	if ok && (i >= at || i == len(e.s)) {
		return i < len(e.s)
	}
	end := "</" + a.String()
	for i = at; ; i += len("</") {
		j := strings.Index(e.s[min(i, len(e.s)):], "</")
		if j < 0 {
			e.next[a] = len(e.s)
			return false
		}
		if i += j; i+len(end) <= len(e.s) && strings.EqualFold(e.s[i:i+len(end)], end) {
			e.next[a] = i
			return true
		}
	}
}

// tidy folds white space: single spaces in lines, single line ends, no control
// characters.
func tidy(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	space, line := false, false
	for _, r := range s {
		switch {
		case r == '\n':
			line = true
		case unicode.IsSpace(r), r == '\u200b', r == '\ufeff', r == '\u2060':
			space = true
		case unicode.IsControl(r), r == unicode.ReplacementChar:
		default:
			if b.Len() > 0 {
				switch {
				case line:
					b.WriteByte('\n')
				case space:
					b.WriteByte(' ')
				}
			}
			space, line = false, false
			b.WriteRune(r)
		}
	}
	return b.String()
}

// minConfidence is how sure the detector of languages must be. Of 4,748 items of
// feeds in one language 3.4 % got another before, mostly headlines in English, and
// 0.6 % do with it, for 6.5 % that get none. A wrong language hides an article from
// its readers, none hides it from nobody.
const minConfidence = 0.5

// Language returns the ISO 639-1 code of a text's language, "" if that is not
// clear. The script decides where it can. A longer text in one of the languages that
// have stems of their own has one of its common words, too.
func Language(s string) string {
	var han, kana, hangul, letters int
	for i, r := range s {
		if i > 4000 {
			break
		}
		switch {
		case unicode.Is(unicode.Han, r):
			han++
		case unicode.In(r, unicode.Hiragana, unicode.Katakana):
			kana++
		case unicode.Is(unicode.Hangul, r):
			hangul++
		case unicode.IsLetter(r):
			letters++
		}
	}
	switch {
	case kana > 0 && kana*5 > han:
		return "ja"
	case hangul > letters:
		return "ko"
	case han*3 > letters && han > 1:
		return "zh"
	case letters < 12:
		return ""
	}
	s = cut(s, 2000)
	info := whatlanggo.Detect(s)
	lang := info.Lang.Iso6391()
	if info.Confidence < minConfidence || !plausible(s, lang) {
		return ""
	}
	return lang
}
