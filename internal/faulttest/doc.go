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
// smoke and eos have windows and a join of streams, too (timed_test.go).
//
// What must hold (verify_test.go), for readers of committed records:
//
//   - exactly once: each partition of an output is what is computed of its
//     input, record by record and in its order, and nothing else; tables have the
//     last update; no transaction is left open.
//   - at least once: nothing is missing, and no sum or number is too low.
//
// What goes wrong: services (services_test.go) and brokers (brokers_test.go) are
// stopped, killed and paused; the network between them (network_test.go), which
// is a proxy before each broker (proxy_test.go), is slow, resets connections, or
// swallows what it is given; the disk (disk_test.go) is full, read-only, damaged
// or gone. soak_test.go does all of it for as long as is wanted.
//
// The tests have the build tag kafka. make test-kafka runs short forms; make
// test-faults sets MILLRACE_FAULTS=long; MILLRACE_SOAK is how long the soak is.
// The log line at the end of each run has its figures, and the first one has the
// seed of its random choices.
package faulttest
