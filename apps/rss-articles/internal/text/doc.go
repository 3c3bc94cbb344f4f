// Package text cuts article text into tokens: the common ground of
// near-duplicate detection and of matching articles with interests, which must
// see words alike or they disagree about what an article says.
//
// Three steps, each usable alone:
//
//   - [Normalize] brings a string into one spelling: valid UTF-8, Unicode NFKC
//     (full-width letters become plain ones), lower case, bounded length.
//   - [Tokens] segments it. Scripts that put spaces between words give words
//     and numbers. Han, Kana, Hangul and the scripts of South-East Asia that
//     put none give runs, since where a word ends there cannot be told without
//     a dictionary.
//   - [Words] and [Terms] turn tokens into what the two users need. Both
//     give runs as overlapping character pairs (the way of Lucene's
//     CJKAnalyzer). Words keeps everything in order; Terms is for search: it
//     drops stop words and stems.
//
// Stemming is by the Snowball algorithms of the language of the text, where that is
// known and has one, and else by script: Latin words as English (Porter2), Cyrillic
// ones as Russian. The language of an article is known by its length. That of an
// interest or a query of one word is not, and yet a reader's "élection" must meet
// the article's "élections". So what is searched for has a [Variant] for each
// language that it may be looked for in, and an article is compared with the one of
// its own language ([In]): both sides have come through the same stemmer, and no
// word of an article counts for two stems.
//
// Stems of different languages may coincide, as the German and the Swedish "val"
// may. Where terms are compared without a language, as those that were learned
// from clicks are, they are then one term. Near-duplicate detection takes the
// plain stems, by script, of all: copies of one text must not differ because the
// language of one was less clear. Stop words are the English ones in all
// languages; those of others are for rarity to weigh.
//
// All functions are pure and safe for concurrent use. Input is hostile: work
// and output are bounded by [MaxBytes] and [MaxTokenRunes], and invalid UTF-8
// is skipped.
package text
