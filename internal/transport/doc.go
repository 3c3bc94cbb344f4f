// Package transport is the only package of the framework that talks to Kafka.
//
// It is a small interface, [Cluster], between the engine and the brokers, with
// two implementations that pass one conformance suite (package
// transporttest):
//
//   - package kafka: a real cluster or the embedded broker. franz-go carries
//     records, groups and table reads; sarama administers topics.
//   - package memory: logs in this process's memory, for the test driver. It
//     can hold back, fail or drop what was sent, so that a test can stop the
//     engine between any two steps of its commit cycle.
//
// A processor instance has one [Group]: the consumer group's member and the
// producer are one client, as a transaction over both needs it. Tables
// (changelogs and compacted topics) are read with [Cluster.ReadTable], outside
// any group.
//
// # Who owns which bytes
//
// A fetched record's key, value and headers belong to the garbage collector
// and never change; they may be kept or sent on without a copy. A record given
// to [Group.Produce] belongs to the group until its acknowledgement was
// called, key, value and headers included.
package transport
