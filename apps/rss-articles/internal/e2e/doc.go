// Package e2e has the tests of the whole app, as its users meet it: on the
// embedded broker in this process, through a browser, and on a real Kafka
// cluster (build tag kafka).
package e2e
