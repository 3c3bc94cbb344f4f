// Package memory is a transport.Cluster in this process's memory: the
// framework's test driver runs the real engine on it.
//
// Logs and committed offsets belong to the [Cluster] and outlive its clients,
// so a test can abandon an engine as a crash would ([Cluster.Kill]) and start
// another on what is left. A [Hook] sees every operation before it happens and
// can fail it, lose it, hold its acknowledgement back, or kill the client at
// that very point: so a test stops the engine between any two steps of its
// commit cycle. [Cluster.Journal] tells what happened, in order.
//
// Members with a transactional id produce in transactions, which readers see
// once they are committed, and of which a killed member's is aborted at once.
//
// A partition's log is never compacted or shortened. With one partition and
// one member, the outcome depends on nothing but the calls.
package memory
