// Package embedded is a Kafka broker in this process, for development and
// tests: one command, no JVM, no containers.
//
// It is franz-go's kfake, which speaks the protocol well enough for franz-go,
// sarama and this framework, with consumer groups and transactions. It is one
// broker with replication 1 and without the guarantees of a cluster, and says
// so when it starts. What was acknowledged survives a killed process;
// docs/embedded-broker.md lists the precautions that this takes and the sizes
// that it is good for.
package embedded
