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
// Stemming goes by script, not by declared language: Latin words take the
// English Snowball stemmer (Porter2) and Cyrillic words the Russian one. An
// interest of one word does not tell its language, and a reader's "élections"
// must meet the article's, so both sides must choose the same stemmer without
// knowing more than the word. The price is a light stem for other languages.
//
// All functions are pure and safe for concurrent use. Input is hostile: work
// and output are bounded by [MaxBytes] and [MaxTokenRunes], and invalid UTF-8
// is skipped.
package text
