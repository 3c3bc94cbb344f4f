package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/bench/nexmark/auction"
)

// The figures replace those between the marks of a file, and nothing else.
func TestInto(t *testing.T) {
	q, err := auction.Find("q5")
	if err != nil {
		t.Fatal(err)
	}
	var tab table
	tab.add(q, millrace, result{events: 1e6, wall: 2 * time.Second, cpu: 4 * time.Second, outputs: 7})
	tab.add(q, streams, result{events: 1e6, wall: 5 * time.Second, cpu: 10 * time.Second, warming: 3 * time.Second, outputs: 6})
	path := filepath.Join(t.TempDir(), "page.md")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("before\n" + begin + "old\n" + end + "\nafter\n")
	for range 2 { // the second time it replaces what it wrote
		if err := tab.into(path); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := string(b)
	if want := "| q5 | 4.00 | 500000 | 7 | 10.00 | 200000 | 6 | 3 s | 2.5 |\n"; strings.Count(got, want) != 1 {
		t.Errorf("no row %q in:\n%s", want, got)
	}
	if !strings.HasPrefix(got, "before\n"+begin) || !strings.HasSuffix(got, end+"\nafter\n") || strings.Contains(got, "old") {
		t.Errorf("the file is\n%s", got)
	}
	write("no marks")
	if err := tab.into(path); err == nil {
		t.Error("a file without marks is taken")
	}
}
