// Package kafka is a transport.Cluster on Apache Kafka and whatever speaks its
// protocol: franz-go carries records, groups and table reads, sarama
// administers topics. docs/decisions/0007-two-clients.md says why there are
// two.
//
// A [Cluster] connects when it is first used. It holds one connection for
// administration and the clients that read tables; each group member and each
// producer is a franz-go client of its own, which its owner closes.
//
//	Cluster ─┬─ admin        sarama: Describe, Create, Bounds, OffsetAt, GroupOffsets
//	         ├─ tables ─┬─ tableClient    franz-go: many partitions, demultiplexed
//	         │          └─ control        franz-go: looks behind the end of a log
//	         ├─ Join ────── member        franz-go: fetches, produces, commits
//	         └─ NewProducer producer      franz-go
//
// # Files
//
//   - config.go: [Config], its defaults and its checks
//   - cluster.go: [Cluster] and its life, the options of all franz-go clients
//   - dialer.go: connections and TLS; sasl.go: who the client is; ping.go:
//     whether a broker answers, and what is wrong if not
//   - admin.go: the connection for administration, what is tried again and how
//     long; topics.go: the requests
//   - group.go: a group's member, its callbacks and [transport.Group]'s Poll;
//     fetcherror.go: what a failed fetch means; commit.go: commits of offsets
//   - transaction.go: a member's transactions; fence.go: those of members that
//     are gone; groupwatch.go: members that die are taken out of the group
//   - balancer.go: the group's assignment protocol; assign.go: who gets which
//     partition
//   - producer.go, partitioner.go: producing
//   - readtable.go: ReadTable; tableclient.go, tablereader.go: one client for
//     many readers; tabletail.go: the end of a log in which nothing is
//     delivered
//
// # What is known of the clients
//
//   - franz-go joins a group as soon as it knows a topic of it. The topics are
//     therefore added by the first Poll.
//   - franz-go calls back with its own context; the callbacks of a rebalance
//     wait while the caller has polled records in hand (BlockRebalanceOnPoll).
//   - A broker takes a commit for any partition from any member that knows the
//     current generation. That the partition is the member's own is checked
//     here (commit.go).
//   - A read-committed fetch delivers nothing for aborted records and for what
//     compaction removed. franz-go moves its position past them and does not
//     say so (tabletail.go).
//   - franz-go holds on to the id of a topic that it has seen. A topic that was
//     deleted and made anew is unreadable for a client until it is purged
//     (tableclient.go).
package kafka
