// Package neardup finds articles that are the same though their bytes and URLs
// differ: copies on several hosts, retitled and lightly edited versions. It is
// made for a stream whose state is spread over partitions, and consists of pure
// functions: state goes in, state and messages come out, and a stream processor
// does the rest.
//
// # Likeness
//
// [Sketcher.Sketch] turns a document into a small [Sketch] and the keys of its
// bands (MinHash with locality-sensitive hashing: Broder 1997; Leskovec,
// Rajaraman and Ullman, "Mining of Massive Datasets", chapter 3). Documents
// that are alike share at least one band with high probability, so only those
// need comparing. [Duplicate] then compares two sketches properly: words of the
// titles one by one, texts by a 128-value signature, numbers in titles, and
// more strictly within one source. Chinese and other scripts without spaces
// take the same way, as overlapping character pairs.
//
// # Three steps in a stream
//
//	articles ──Sketch, Probes──▶ probes, keyed by band ──BandState.Add──▶
//	answers, keyed by article ──Verdict.Add──▶ decisions
//
// An article sends a [Probe] to each of its bands, the bands live on different
// partitions, and each sends back an [Answer]. When all have answered, its
// [Verdict] decides: unique, or a duplicate of an original.
//
// # Why ranks
//
// Articles A and B arrive at the same moment. Band 1 sees A first, band 2 sees
// B first. If each band called the later one a copy, both would vanish. So who
// is the original is not decided by arrival but by a [Rank] that is fixed
// beforehand: a band names to an article only originals of lower rank. Two
// rules follow:
//
//   - An article is a duplicate if and only if some band holds it together with
//     a near-duplicate of lower rank; its original is the lowest of these.
//   - If the lower-ranked one comes second, the band sends a notice to the
//     higher-ranked one that is already there. If that has been decided
//     meanwhile, its decision is revised: it gives way to the newcomer.
//
// The alternative, that the newcomer gives way to an article that is already
// out, spares readers the correction, but makes the outcome depend on the order
// in which partitions happen to be read: a replay would end with other tables
// than the first run, and the newcomer's verdict would have to wait for a
// question put to the other article's partition. With ranks the final state is
// a function of the set of articles alone, every step is idempotent, and since
// the rank's time is the time first seen, arrivals are in the order of ranks
// but for the moment by which partitions differ: revisions are rare.
//
// # What is guaranteed
//
// Of articles that are all near-duplicates of one another, that meet pairwise
// in at least one band and lie within one window, exactly one is unique once all
// answers are in: the lowest-ranked. This holds for every interleaving of
// partitions and with messages delivered twice (the tests try random ones).
// At no moment are all of them duplicates, and while a notice is under way at
// most too many are unique, never too few.
//
// Likeness is not transitive. If A is like B and B like C, but A not like C, then
// C is a duplicate of B and B of A: [Root] follows to the representative, A. If
// ranks run the other way and both A and C rank below B, then A and C both
// stay and B is a duplicate of the lower.
//
// # Bounds
//
// A band's key holds at most [Window].MaxEntries articles of the last
// [Window].Span; an article sends at most [Bands] probes of a few hundred
// bytes. When a band overflows its oldest entries are forgotten, known copies
// first, and from then on the outcome can depend on order. [BandState.Expired]
// and [Verdict.Expired] say when a key may be deleted.
//
// An update of an article (same id) is not a new article: do not probe again
// for it, unless it should be judged anew under a new id.
package neardup
