package feed

import (
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// fewRuns is how many runs of other characters than ASCII a document may have and
// not be believed, without a look at what they come to, that it was encoded twice.
const fewRuns = 3

// encodedOnce undoes what a program did that took UTF-8 for Windows-1252 or
// Latin-1 and encoded it once more: "Ã©" for "é", "â€™" for "’". A document is taken for one of
// those if all its characters beyond ASCII are such, so that a text about them, with
// an umlaut beside them, remains as it is. Of 430 files from
// the web 30 are encoded twice, and of the others one has such characters at all,
// one of four.
func encodedOnce(b []byte) []byte {
	for range 2 { // some did it again
		once := undo(b)
		if once == nil {
			break
		}
		b = once
	}
	return b
}

// undo returns the bytes that a document of UTF-8 was before it was encoded a
// second time, nil if it was not.
func undo(b []byte) []byte {
	var out []byte
	runs, common := 0, true
	for i := 0; i < len(b); {
		at := i
		for i < len(b) && b[i] < utf8.RuneSelf {
			i++
		}
		out = append(out, b[at:i]...)
		if i == len(b) {
			break
		}
		begin := len(out)
		for i < len(b) && b[i] >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(b[i:])
			c, ok := charmap.Windows1252.EncodeRune(r)
			if r < 0xa0 { // what has no character there, and all of them in Latin-1
				c, ok = byte(r), true
			}
			if !ok {
				return nil
			}
			out = append(out, c)
			i += n
		}
		if !utf8.Valid(out[begin:]) {
			return nil
		}
		for _, r := range string(out[begin:]) {
			common = common && isCommon(r)
		}
		runs++
	}
	if runs == 0 || runs < fewRuns && !common {
		return nil
	}
	return out
}

// isCommon says whether a character is one that a Latin text has here and there: a
// letter with an accent, a quotation mark, a dash. What is not may be chance: the
// end of a German quotation, ß and then a mark, would come to a letter of N'Ko.
func isCommon(r rune) bool {
	return r >= 0xa0 && r < 0x180 || r >= 0x2010 && r <= 0x203a || r == '€' || r == '™'
}
