// Package faulttest breaks services, brokers, the network between them and the
// disk below them in the middle of their work, on a real Kafka cluster, and
// compares all that comes out with what must.
//
// A service is a child process: the test's own binary, run again with a job in
// a variable (child_test.go). What it runs is a workload (workload_test.go):
//
//   - smoke (smoke_test.go), as Kafka Streams' SmokeTestClient has it: least,
//     greatest, sum, number, difference and average of 1,000 integers of each of
//     20 keys, and how many keys have each number, against closed forms.
//   - eos and eos-hop (eos_test.go), as its EosTestClient: each record of 20,000
//     keys is passed on and updates four tables, whose updates are written too;
//     in the second form some of that is done behind another topic.
//
// What must hold (verify_test.go), for readers of committed records:
//
//   - exactly once: each partition of an output is what is computed of its
//     input, record by record and in its order, and nothing else; tables have the
//     last update; no transaction is left open.
//   - at least once: nothing is missing, and no sum or number is too low.
//
// Sources of trouble, each with a test: services_test.go, brokers_test.go.
//
// The tests have the build tag kafka. make test-kafka runs short forms; make
// test-faults sets MILLRACE_FAULTS=long. The log line at the end of each run has
// its figures.
package faulttest
