package main

import (
	"strings"
	"testing"
)

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
		{"dead-letters list -topic t", 1, "Brokers: no address"},
		{"dead-letters replay -topic t -since yesterday", 2, "yesterday"},
		{"dead-letters replay", 2, "-topic is missing"},
		{"reset -dry-run", 2, "-app is missing"},
		{"reset -app a more", 2, `unexpected argument "more"`},
		{"reset -app a -brokers x:y", 1, "x:y"},
	} {
		var out, errs strings.Builder
		if code := run(t.Context(), strings.Fields(tt.args), &out, &errs); code != tt.code || !strings.Contains(errs.String(), tt.says) {
			t.Errorf("%q ended with %d, want %d, and said: %s", tt.args, code, tt.code, &errs)
		}
	}
}
