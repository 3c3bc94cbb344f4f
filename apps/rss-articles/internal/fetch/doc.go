// Package fetch polls feeds on a schedule and emits what is new in them.
//
//	f, err := fetch.New(fetch.Config{Store: store, Sink: sink, Logger: log})
//	err = f.Run(ctx) // until ctx is done
//
// One goroutine, in [Fetcher.Run], owns the schedule. It reads the
// subscriptions, and starts a poll in a goroutine of its own when a feed is
// due, as far as the limits of concurrency and the manners towards each host
// allow. A poll is one conditional GET, whose answer is parsed and compared
// with the hashes of the items seen before:
//
//	due ─▶ GET ─▶ parse ─▶ new items ─▶ Sink.Emit ─▶ Store.Save ─▶ next time
//
// The state is saved only after the items were acknowledged. A crash in between
// repeats items, which the pipeline's dedupe drops, and loses none. A restart
// goes on from the saved states: nothing is polled before its time.
//
// # What a feed's server can do
//
// Everything from outside is bounded: bytes (also once unpacked), time,
// redirects, headers, items. Only http and https are fetched, and only public
// addresses, which is checked when a connection is made: neither a name that
// resolves to a private address nor a redirect gets round it. A feed that fails
// is tried less and less often, its [topics.FeedState] says what is wrong and
// what to do, and no feed holds up another.
//
// # Where to look
//
// fetcher.go is the schedule, hosts.go the manners, poll.go one poll, client.go
// one request with its redirects, body.go what comes back, transport.go the
// addresses, interval.go when to come again, failure.go what goes wrong.
package fetch
