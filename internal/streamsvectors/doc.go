// Package streamsvectors holds what Kafka Streams makes of random inputs, and the tests that our operators make the
// same of them.
//
// The program below java runs the operators' counterparts on Kafka Streams' TopologyTestDriver, without its caches, so
// that every update is seen, and writes what goes in and what comes out to testdata, as vectors; make vectors does so
// again, with the same bytes. The inputs are seeded: several keys, times that are equal, out of order, late, or far
// ahead; deletions; and in the last vector of each operator records without a key or a value. The tests need no Java.
//
// A vector is a line of JSON: the operator with its options, and steps. A step is a record that goes in,
//
//	["topic", "key", "value", time in milliseconds]
//
// then the records that come out because of it, and how many records Kafka Streams' metric dropped-records counted:
// once for each window that the record was too late for, or for its missing key or value. Keys of windows are in hex,
// as their bytes are part of what is compared.
//
// The tests say what is compared, and what differs and why; docs/operators.md has it as a table.
package streamsvectors
