// Package faulttest kills services and brokers in the middle of their work, on
// a real Kafka cluster, and counts what comes out at the far end.
//
// A service is a child process: the test's own binary, run again with a
// variable set (child_test.go). It passes each record on, counts the records of
// each key in a table, and emits each count; a second processor reads the
// counts and keeps their sum. So every record has effects on two topics and
// two tables, over a repartitioning hop.
//
// What must hold (verify_test.go), for readers of committed records:
//
//   - exactly once: the echo of each partition is its input, record by record;
//     the counts of a key are 1, 2, 3 ...; the tables have the last of them.
//   - at least once: every record is in the echo, none before one that was sent
//     earlier for the first time; the counts of a key reach the number of its
//     records at least.
//
// The tests have the build tag kafka: make test-faults.
package faulttest
