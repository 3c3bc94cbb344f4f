package text

import "slices"

// Variant is what words whose own language is not known come to in some of the
// languages that they may be looked for in: a German article has the stem "wahl"
// where a reader asks for "Wahlen", an English one has not.
type Variant[T comparable] struct {
	Languages []string `json:"languages"` // of Languages
	Terms     []T      `json:"terms"`
}

// Variants returns what words come to in each of some languages, those that come
// to the same together, in the order of [Languages]. What is as in no language
// (plain, which of returns for "") is left out. of is called once for each
// language that has stems of its own. No languages stand for all.
func Variants[T comparable](plain []T, languages []string, of func(lang string) []T) (out []Variant[T]) {
	for _, lang := range Languages() {
		if len(languages) > 0 && !slices.ContainsFunc(languages, func(l string) bool { return Language(l) == lang }) {
			continue
		}
		terms := of(lang)
		if slices.Equal(terms, plain) {
			continue
		}
		i := slices.IndexFunc(out, func(v Variant[T]) bool { return slices.Equal(v.Terms, terms) })
		if i < 0 {
			i = len(out)
			out = append(out, Variant[T]{Terms: terms})
		}
		out[i].Languages = append(out[i].Languages, lang)
	}
	return out
}

// In returns what words come to in one language: the terms of the variant that
// has it, else the plain ones.
func In[T comparable](lang string, plain []T, variants []Variant[T]) []T {
	lang = Language(lang)
	for _, v := range variants {
		if slices.Contains(v.Languages, lang) {
			return v.Terms
		}
	}
	return plain
}
