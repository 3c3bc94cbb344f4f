//go:build !kafka

package pipeline_test

import "testing"

func kafkaAddresses(testing.TB) []string { return nil }
