package text

import "slices"

// In returns a word as it stands in a language: in French and Italian without an
// article, pronoun or preposition that an apostrophe joins to it, so that
// "l'élection" is "élection". In other languages, and where what is joined is
// none of these, it is the text of the token.
func (t Token) In(lang string) string {
	if t.Joined == 0 || t.Joined >= len(t.Text) || !slices.Contains(elided(lang), t.Text[:t.Joined]) {
		return t.Text
	}
	return t.Text[t.Joined:]
}

// elided are the words that lose their vowel before another, as Lucene's
// FrenchAnalyzer and ItalianAnalyzer have them.
func elided(lang string) []string {
	switch lang {
	case "fr":
		return []string{"l", "m", "t", "qu", "n", "s", "j", "d", "c", "jusqu", "quoiqu", "lorsqu", "puisqu"}
	case "it":
		return []string{"c", "l", "all", "dall", "dell", "nell", "sull", "coll", "pell", "gl", "agl", "dagl", "degl", "negl",
			"sugl", "un", "m", "t", "s", "v", "d"}
	default:
		return nil
	}
}
