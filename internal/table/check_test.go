package table

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestCheck finds handlers that change a shared value in place.
func TestCheck(t *testing.T) {
	k := []byte("k")
	get := func(t *testing.T, table *Table[[]string]) []string {
		t.Helper()
		v, _, err := table.Get(k)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	set := func(t *testing.T, table *Table[[]string], v []string) {
		t.Helper()
		if err := table.Set(k, v); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name   string
		handle func(*testing.T, *Table[[]string])
		want   string // "": nothing is wrong
	}{
		{"change what Get returned", func(t *testing.T, table *Table[[]string]) { get(t, table)[0] = "x" }, "that Get returned"},
		{"and set it", func(t *testing.T, table *Table[[]string]) {
			v := get(t, table)
			v[0] = "x"
			set(t, table, v)
		}, "that Get returned"},
		{"change what Range gave of this generation", func(t *testing.T, table *Table[[]string]) {
			set(t, table, []string{"new"})
			table.Begin(time.Time{})
			err := table.Range(nil, nil, func(_ []byte, v []string) bool { v[0] = "x"; return true })
			if err != nil {
				t.Fatal(err)
			}
		}, "that Get returned"},
		{"change what was set", func(t *testing.T, table *Table[[]string]) {
			v := []string{"new"}
			set(t, table, v)
			v[0] = "x"
		}, "that it had set"},
		{"change what was set, and set it again", func(t *testing.T, table *Table[[]string]) {
			v := []string{"new"}
			set(t, table, v)
			v[0] = "x"
			set(t, table, v)
		}, ""},
		{"change what was set, and delete it", func(t *testing.T, table *Table[[]string]) {
			v := []string{"new"}
			set(t, table, v)
			v[0] = "x"
			if err := table.Delete(k); err != nil {
				t.Fatal(err)
			}
		}, ""},
		{"copy", func(t *testing.T, table *Table[[]string]) {
			v := slices.Clone(get(t, table))
			v[0] = "x"
			set(t, table, v)
		}, ""},
		{"append", func(t *testing.T, table *Table[[]string]) { set(t, table, append(get(t, table), "x")) }, ""},
		{"change in an earlier record", func(t *testing.T, table *Table[[]string]) {
			get(t, table)[0] = "x"
			table.Begin(time.Time{})
			get(t, table)
		}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := Options{Name: "lists", Store: newStore(t, "k", "one\ntwo"), Lock: new(sync.Mutex), Check: true}
			table := New(o, lines{}, nil)
			table.Begin(time.Time{})
			test.handle(t, table)
			err := table.Verify()
			switch {
			case test.want == "" && err != nil:
				t.Errorf("Verify: %v", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), `table lists, key "k"`)):
				t.Errorf("Verify: %v; want %q, the table and the key", err, test.want)
			}
		})
	}
}
