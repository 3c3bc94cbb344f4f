package clean

import (
	"slices"
	"strings"
)

// enough is how many words a text has of which one is surely among the commonest of
// its language.
const enough = 15

// plausible says whether a text may be in a language, going by common words: tables
// of abbreviations and names look like many languages to a detector that knows
// sequences of letters only. Texts of few words may be in any.
func plausible(s, lang string) bool {
	common := commonWords(lang)
	if common == "" {
		return true
	}
	list := strings.Fields(common)
	n := 0
	for w := range strings.FieldsFuncSeq(strings.ToLower(s), func(r rune) bool { return strings.ContainsRune(" \n\t.,:;!?()«»\"'’", r) }) {
		if slices.Contains(list, w) {
			return true
		}
		n++
	}
	return n < enough
}

// commonWords are some of the commonest of a language, but those that are English as
// well; "" for languages that are not asked for any.
func commonWords(lang string) string {
	switch lang {
	case "da":
		return "og det er af ikke den der på som med til en et har"
	case "de":
		return "der das und ist den von zu mit im auf ein eine nicht des dem für sich sind dass als wird werden nach seit ich"
	case "es":
		return "el la los las de y en un una que por con para del se su es"
	case "fi":
		return "ja ei että oli se hän mutta myös kun ovat sekä"
	case "fr":
		return "le la les des du et une est dans pour par que qui sur au l d"
	case "it":
		return "il la le di che e un una per del della è con nel gli i"
	case "nb", "nn":
		return "og det er av ikke ikkje den som på med til en ei et har"
	case "nl":
		return "de het een en van dat die niet met voor zijn op te"
	case "pt":
		return "o os as de e que um uma em para com do da não se"
	case "sv":
		return "och det är av inte den som på med till en ett har för att"
	default:
		return ""
	}
}
