// Package e2e tests whole services against brokers: the same test code runs on
// the embedded broker and, with the build tag kafka, on the real cluster of
// make test-kafka (three brokers, replication 3, two in-sync replicas).
//
// suite_test.go has the topologies and what they must do; world_test.go is what
// the tests share: topics of their own, services that come and go, and a look
// from outside at what is in the logs. kill_test.go (tag kafka) runs services as
// processes of their own, and kills them and their brokers.
package e2e
