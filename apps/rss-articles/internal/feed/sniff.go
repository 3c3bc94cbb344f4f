package feed

import (
	"strings"
	"unicode"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// A language is how text in an encoding looks when it is decoded rightly: most
// characters beyond ASCII are of its scripts, and a good part of them are its
// commonest.
type language struct {
	enc     encoding.Encoding
	scripts []*unicode.RangeTable
	common  string
	share   float64 // of the common ones among those beyond ASCII, at least
}

const (
	simplified  = "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经，。、“”《》：！？"
	traditional = "的一是在不了有和人這中大為上個國我以要他時來用們生到作地於出就分對成會可主發年動同工也能下過子說產種面而方後多定行學法所民得經，。、「」《》：！？"
	hangul      = "이다는에의을를가하고은지기로사한도인서자대해정"
	russian     = "оеаинтсрвлкмдпу"
)

func languages() []language {
	kana := []*unicode.RangeTable{unicode.Hiragana, unicode.Katakana, unicode.Han}
	const common = "のにはをたがでてとしれさいるっんーなもス、。"
	return []language{
		{simplifiedchinese.GB18030, []*unicode.RangeTable{unicode.Han}, simplified, 0.12},
		{traditionalchinese.Big5, []*unicode.RangeTable{unicode.Han}, traditional, 0.12},
		{japanese.ShiftJIS, kana, common, 0.2},
		{japanese.EUCJP, kana, common, 0.2},
		{korean.EUCKR, []*unicode.RangeTable{unicode.Hangul}, hangul, 0.15},
		{charmap.KOI8R, []*unicode.RangeTable{unicode.Cyrillic}, russian, 0.5},
		{charmap.Windows1251, []*unicode.RangeTable{unicode.Cyrillic}, russian, 0.5},
		{charmap.ISO8859_5, []*unicode.RangeTable{unicode.Cyrillic}, russian, 0.5},
	}
}

// sniff finds the encoding of bytes that are no UTF-8 by what they would say in
// each, nil if no language fits.
func sniff(b []byte) encoding.Encoding {
	sample := b[:min(len(b), 64<<10)]
	var best encoding.Encoding
	most := 0.0
	for _, l := range languages() {
		if score := l.score(decode(sample, l.enc)); score >= l.share && score > most {
			best, most = l.enc, score
		}
	}
	return best
}

// score is the share of the common characters among those beyond ASCII, 0 if
// they are not mostly of the language's scripts. A letter beside an ASCII
// letter speaks against a language without them: "é" in French.
func (l language) score(text []byte) float64 {
	all, common, script, mixed := 0.0, 0.0, 0.0, 0.0
	var prev rune
	for _, r := range string(text) {
		if r >= 0x80 {
			all++
			if strings.ContainsRune(l.common, r) {
				common++
			}
			if unicode.In(r, l.scripts...) || unicode.IsPunct(r) {
				script++
			}
			if isASCIILetter(prev) && unicode.IsLetter(r) {
				mixed++
			}
		} else if isASCIILetter(r) && prev >= 0x80 && unicode.IsLetter(prev) {
			mixed++
		}
		prev = r
	}
	if all < 4 || script/all < 0.7 || mixed/all > 0.5 {
		return 0
	}
	return common / all
}

func isASCIILetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }
