//go:build unix

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBadCommands(t *testing.T) {
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	for _, tt := range []struct {
		args, want string
	}{
		{"", "usage:"},
		{"fly", `no command "fly"`},
		{"run", "no command to run"},
		{"-dir " + empty + " status", "no cluster"},
		{"-dir " + empty + " kill", "no broker named"},
		{"-dir " + empty + " kill one", `"one" is no broker's number`},
		{"-dir " + foreign + " up", "thesis.txt"},
	} {
		var out bytes.Buffer
		err := run(t.Context(), strings.Fields(tt.args), &out, &out)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("kafka %s: %v, want an error with %q", tt.args, err, tt.want)
		}
	}
	if _, err := os.Stat(filepath.Join(foreign, "thesis.txt")); err != nil {
		t.Error("a folder of somebody else was touched:", err)
	}
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-dir", empty, "down"}, &out, &out); err != nil {
		t.Errorf("down without a cluster: %v", err)
	}
}
