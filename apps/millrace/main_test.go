package main

import (
	"strings"
	"testing"
)

// All that is wrong is in one message.
func TestAllIsWrong(t *testing.T) {
	var out, errs strings.Builder
	code := run(t.Context(), strings.Fields("reset -nothing -to now -tls-ca-file /does/not/exist -sasl-mechanism SCRAM -sasl-password s3cret extra"), &out, &errs)
	if code != 2 {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{"-nothing", `"now"`, "TLS.CAFile", "SASL.Mechanism", "SASL.Username", "-app is missing", "Brokers: no address", `unexpected argument "extra"`} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("no %s in: %s", want, &errs)
		}
	}
	if strings.Contains(errs.String(), "s3cret") {
		t.Errorf("the password is in: %s", &errs)
	}
}

func TestArguments(t *testing.T) {
	for _, tt := range []struct {
		args string
		code int
		says string
	}{
		{"", 2, "usage:"},
		{"dead-letters", 2, "usage:"},
		{"dead-letters burn", 2, "usage:"},
		{"dead-letters list", 2, "-topic is missing"},
		{"dead-letters list -topic t", 2, "Brokers: no address"},
		{"dead-letters replay -topic t -since yesterday", 2, "yesterday"},
		{"dead-letters replay", 2, "-topic is missing"},
		{"reset -dry-run", 2, "-app is missing"},
		{"reset -app a more", 2, `unexpected argument "more"`},
		{"reset -app a -brokers 127.0.0.1:1 -connect-timeout 1ms", 1, "127.0.0.1:1"},
		{"lag -app a -wait soon", 2, "soon"},
		{"lag", 2, "-app is missing"},
		{"reset -h", 0, "-tls-ca-file"},
		{"dead-letters list -commit-interval 1s", 2, "-commit-interval"},
	} {
		var out, errs strings.Builder
		if code := run(t.Context(), strings.Fields(tt.args), &out, &errs); code != tt.code || !strings.Contains(errs.String(), tt.says) {
			t.Errorf("%q ended with %d, want %d, and said: %s", tt.args, code, tt.code, &errs)
		}
	}
}
