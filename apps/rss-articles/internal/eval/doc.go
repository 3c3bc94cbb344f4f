// Package eval measures the pipeline on labelled data and under load: the
// commands eval-dedupe, eval-match, eval-clicks and eval-readers. They run the
// stages of the topology in memory, by the test driver, and print lines of JSON,
// the first two one for each set of the data.
//
// # Data
//
// Files of JSON lines, gzipped or not. Each line names its set:
//
//	{"set","id","cluster","title","text","url"}   a document with its true cluster
//	{"set","id","a","b","label"|"score"}          a pair: 1 is the same, as is a score of 4.5 and more
//	{"set","id","label"|"labels","title","text"}  a document with its topics
//
// # Dedupe
//
// A pair of documents counts as merged if both end in the table of articles
// under one representative. Precision is how many of the merged pairs belong
// together, recall how many of those that belong together were merged. The
// baselines are identity alone: the same canonical address; the same title.
//
// # Match
//
// For each topic with at least 50 documents, 20 readers each click 5 documents
// of it, drawn by a fixed seed, and are then shown all others. Precision@10 is
// how many of the first ten on their shelves belong to the topic, on average
// over all readers. Labels never reach the stages. The baselines are articles at
// random, the most recent ones, and a plain keyword search for the commonest
// words of the clicked ones.
//
// # Clicks and readers
//
// [Clicks] replays observed clicks, and says how fast that goes and how large
// the state becomes. [Crowd] measures that an article costs what it matches: as
// many readers want each article whether there are a thousand or a hundred
// thousand of them.
package eval
