// Command bench measures Millrace beside stock goka, Kafka Streams, Quix
// Streams, Faust and a bare copy with franz-go, on a real three-broker Kafka, in one run: what each
// record costs of processor time, wall time, memory and latency.
//
//	make bench-quick
//	go run ./bench -workloads count-10k,dedupe -contenders millrace,kafka-streams -records 2000000
//
// Each contender is a program of its own (bench/peers), with the same
// partitions, acknowledgements, compression and commit interval, and otherwise
// set up as its own documentation has it. The contenders take turns on the
// same input topics. Wall time depends on the machine and on what else it
// does; processor time for a million records, counted by the operating system
// from a warm start, is steadier; ratios of two contenders within one run are
// steadier still.
//
// Files: main.go is the command, rounds.go the order of the runs, internal/workload the records and what is
// done with them, internal/contender the programs, internal/measure a run,
// internal/stage what a measurement begins with, internal/topics the brokers'
// side, internal/report the tables and plots. failover, growth and nexmark are
// commands of their own.
package main
