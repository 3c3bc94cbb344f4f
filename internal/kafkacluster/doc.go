// Package kafkacluster runs a real Apache Kafka cluster on this machine, for tests and development.
//
// The embedded broker (package pipeline/embedded) is quick and needs nothing but Go, but claims about
// acknowledgements, transactions, rebalances and crashes are only worth something on Kafka itself. This
// package starts Kafka's own brokers in KRaft mode, each one a broker and a controller, on the loopback
// interface, and breaks them on request:
//
//	c, err := kafkacluster.Start(ctx, kafkacluster.Config{})
//	if err != nil { ... }
//	defer c.Close()
//
//	client, err := kgo.NewClient(kgo.SeedBrokers(c.Addresses()...))
//	...
//	err = c.Kill(1)                // kill -9
//	err = c.StartNode(ctx, 1)      // and back, with its data and its port
//	err = c.AwaitInSync(ctx)       // every replica of every partition has caught up
//
// # What is needed
//
// A Java runtime of version 17 or newer, and Maven for the first use: [EnsureJars] fetches Kafka and what
// it needs into the user's cache folder, once. Every other thing (data, logs, configuration, temporary
// files) is in the cluster's own folder, a temporary one by default.
//
// # What kind of cluster
//
// Three brokers, default replication 3, two in-sync replicas required, no automatic creation of topics,
// few partitions in the internal topics, short timeouts in the place of the production defaults wherever
// they only make a test wait. See defaultProperties for each of them; [Config].ExtraProperties overrides.
//
// # Who ends the processes
//
// A broker is a child process in a process group of its own, so that an interrupt at the terminal reaches
// only its parent. On Linux the kernel kills it when the parent dies, however that happens. With
// [Config].Detached the brokers outlive their parent; a state file in the cluster's folder lets [Attach]
// find them again. The command cmd/kafka (make kafka-up, make kafka-down) works in that way.
//
// Files: cluster.go is the cluster, node.go one broker, process.go the operating system's side, jars.go
// the fetching, ready.go the questions put to the brokers, properties.go their configuration.
package kafkacluster
