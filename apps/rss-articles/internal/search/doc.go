// Package search finds articles by words. An [Index] is in memory and holds
// what its owner puts in: for each word the articles that have it, and for each
// article the words of its title and the beginning of its text in order, so that
// phrases can be checked and occurrences counted.
//
// A query is words, of which all must be there, "phrases", and -words that must
// not:
//
//	lighthouse "north sea" -ferry
//
// Words are compared by their stems in the language of the document (package text); a
// query does not tell its own. Chinese and other scripts
// without spaces are indexed as overlapping pairs of characters, and what is
// written together is searched as a phrase. Ranking is BM25 (Robertson and
// Zaragoza, The Probabilistic Relevance Framework, 2009), where a word in the
// title counts three times, with a bonus for what is new.
package search
