// Package kafka is a transport.Cluster on Apache Kafka and whatever speaks its
// protocol: franz-go carries records, groups and table reads, sarama
// administers topics. docs/decisions/0003-two-clients.md says why there are
// two.
package kafka
