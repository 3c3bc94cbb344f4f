// Command polls is the RSS topology as the benchmark runs it (bench, workload
// rss), apart from the page and the fetcher:
//
//	polls generate -rounds 5 FOLDER    # the input, a line of JSON for each record
//	polls run -brokers ... -state ...  # the topology, until a signal
//
// The input is made of real feeds that were polled again and again: the new and
// changed items of each poll, as the fetcher finds them, over and over. No round
// repeats the articles of another: each has links, ids and titles of its own, is
// 96 hours after the one before, past the 72 in which copies are looked for, and
// takes a day, whatever time lay between the polls. Before them come the sample
// readers, so that articles are matched with somebody.
//
// Files: generate.go is the input, run.go the topology, main.go the command.
package main
