//go:build !kafka

package kafka

import "testing"

// brokers returns the addresses of brokers for tests that harm none.
func brokers(t testing.TB) []string { return newFake(t).ListenAddrs() }
