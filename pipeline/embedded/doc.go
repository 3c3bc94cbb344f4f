// Package embedded is a Kafka broker inside the process, for development and
// tests: no JVM, no container, ready in milliseconds.
//
//	b, err := embedded.Start(ctx, embedded.Config{Dir: "kafka-data"})
//	if err != nil {
//		return err
//	}
//	defer b.Close()
//	err = pipeline.Run(ctx, Topology(), pipeline.Config{Brokers: b.Addresses()})
//
// The protocol is spoken by kfake, the broker of franz-go's own tests. Clients
// of any kind can connect: consumer groups (classic and KIP-848), idempotent
// producers, transactions and topic administration work as on a cluster.
//
// It is not a cluster. There is one replica, no authentication (it listens on
// loopback addresses only), one goroutine that does everything, and a kill at
// the wrong moment can still do things that Kafka rules out. Claims of
// exactly-once are to be proven on a real cluster. What this package adds to
// kfake is what makes it safe to develop on:
//
//   - records, topics and group offsets that were acknowledged survive a
//     killed process; [Start] repairs what a kill leaves behind (transactions
//     without an end, producer state, torn writes) before it takes clients;
//   - a data folder serves one broker at a time ([LockedError]);
//   - nothing is deleted or compacted behind your back;
//   - malformed requests close their connection and not the process.
//
// # Files
//
//   - config.go: [Config], its defaults, and the broker's own settings
//   - broker.go: [Broker] and its life: Start, Stop, Resume, Close
//   - folder.go: the data folder, its lock and the mark of an orderly stop
//   - recovery.go, segment.go, batch.go, producers.go: what is done at a start
//     after a kill
//   - listener.go: connections, and the check of each request's header
//   - faults.go: faults for tests of clients
//
// docs/embedded-broker.md gives the reasons and the sizes that it is good for.
package embedded
