package text

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxBytes is how much of a string is looked at: what comes after is ignored.
// It is far above the length of any news article, so it only bounds hostile
// input.
const MaxBytes = 256 << 10

// Normalize returns s in the spelling that all functions of this package
// compare: cut to [MaxBytes] at a character's boundary, invalid UTF-8 removed,
// Unicode NFKC, lower case. It is idempotent.
func Normalize(s string) string {
	s = strings.ToValidUTF8(cut(s, MaxBytes), "")
	// Lower-casing can undo the composition (and the other way round), hence
	// the second pass, which costs nothing on text that is already normal.
	s = norm.NFKC.String(strings.ToLower(norm.NFKC.String(s)))
	return cut(s, MaxBytes) // NFKC can lengthen a string, up to 11 times in bytes
}

// cut returns the first n bytes of s, less a character that would be split.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
