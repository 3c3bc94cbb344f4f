// Package stages holds the processors of the RSS pipeline, one a file. Each is a
// function of [Options] that returns a *pipeline.Processor, around logic that
// is a value with methods: they get state and a message and return the next
// state and what to send.
//
//	clean    items become articles, or dead letters
//	dedupe   one story for each article's id: first sight, updates, the verdict
//	bands    which stories resemble each other, by band
//	catalog  the table of articles, copies under their originals
//	index    the terms of each article, spread by term
//	relate   the vector of each article, by what terms go together in the stream
//	notify   the vectors of articles, for the readers for whom they came late
//	learn    the readers' profiles, from interests and clicks, spread by term
//	match    where articles and readers meet, by term
//	shelve   the best articles for each reader
//
// # Order
//
// Records of different partitions meet in any order, and after a crash some come
// again. So that the tables end the same, messages between stages say how
// things are and not what has changed, and of two that say different things the
// choice does not depend on which came first: an article's original is its
// lowest-ranked (see package neardup), its text the newest of the feed that had
// it first.
//
// # Bounds
//
// State that belongs to a time has an entry in an index of ages (see expiry),
// and later records of the partition delete what is due, a bounded number each.
package stages
