package kafka

import (
	"strings"
	"testing"
	"time"
)

func TestConfigReportsEverythingAtOnce(t *testing.T) {
	_, err := New(t.Context(), Config{Brokers: []string{"", "host:port", "host:99999", "a:b:c"}, SessionTimeout: time.Millisecond, RebalanceTimeout: time.Microsecond, ConnectTimeout: -1})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"Brokers[0]", "Brokers[1]", "Brokers[2]", "Brokers[3]", "SessionTimeout is 1ms", "RebalanceTimeout", "ConnectTimeout"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no word of %s in: %v", want, err)
		}
	}
	if _, err := New(t.Context(), Config{}); err == nil || !strings.Contains(err.Error(), "Brokers is empty") {
		t.Errorf("without brokers: %v", err)
	}
}

func TestAddresses(t *testing.T) {
	for given, want := range map[string]string{
		"kafka": "kafka:9092", "kafka:1": "kafka:1", "10.0.0.1": "10.0.0.1:9092", "[::1]": "[::1]:9092", "[::1]:9": "[::1]:9",
	} {
		if got := withPort(given); got != want {
			t.Errorf("%s: %s, want %s", given, got, want)
		}
		if err := checkAddress(given); err != nil {
			t.Errorf("%s: %v", given, err)
		}
	}
}
