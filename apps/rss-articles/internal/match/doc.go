// Package match holds the arithmetic of recommendations, as pure functions:
//
//   - [Terms] turns an article into weighted terms; [Parse] turns an interest
//     into the terms that an article must have. Both take words apart in one
//     way, that of package text, or they would not meet. An article's words are
//     stemmed in its language; an interest has the terms of each of the reader's
//     languages, and those of the article's count.
//   - A [Profile] is what a reader wants to read: the interests that were
//     declared, and weights of terms that were learned from clicks and fade.
//   - [Rarity] says how much a term tells, by how many articles have it.
//   - [Score] adds up what the terms of a [Candidate] are worth to a profile.
//
// The stages of the pipeline spread this work over partitions: articles and
// readers meet at the terms that they share, so that an article costs only what
// it matches. A part of a score belongs to one article, reader and term, and
// setting it twice is the same as once.
package match
