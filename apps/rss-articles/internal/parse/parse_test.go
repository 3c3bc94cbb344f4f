package parse

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/fetch"
)

func write(t *testing.T, name, text string) string {
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const doc = `<rss version="2.0"><channel><title>F</title><item><title>A &amp;amp; B</title><link>https://www.e.example/a?utm_source=x</link>` +
	`<description>&lt;p&gt;One&lt;/p&gt;&lt;p&gt;two &amp;lt; three&lt;/p&gt;</description><category>x</category>` +
	`<pubDate>Wed, 04 Mar 2026 05:06:07 GMT</pubDate></item></channel></rss>`

func TestRun(t *testing.T) {
	now := func() time.Time { return time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC) }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(doc)) }))
	defer server.Close()
	good, page := write(t, "good.xml", doc), write(t, "page.html", "<!doctype html><title>x</title>")
	empty := write(t, "empty.xml", `<rss version="2.0"><channel><title>F</title></channel></rss>`)
	private := server.URL
	for _, tt := range []struct {
		args  []string
		allow bool
		code  int
		lines []string // parts of the lines
	}{
		{nil, false, 2, []string{"no file"}},
		{[]string{good}, false, 0, []string{`"published":"2026-03-04T05:06:07Z"`}},
		{[]string{empty}, false, 0, nil},
		{[]string{page, good, "nowhere.xml", filepath.Dir(good), empty}, false, 1,
			[]string{`"error":"the document is no feed`, `"url":"https://e.example/a"`, "no such file", "folder"}},
		{[]string{server.URL}, true, 0, []string{`"title":"A & B"`}},
		{[]string{private}, false, 1, []string{"not public"}},
	} {
		var out bytes.Buffer
		code := Run(context.Background(), tt.args, &out, Options{Now: now, Fetch: fetch.Config{AllowPrivate: tt.allow}})
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if out.Len() == 0 {
			lines = nil
		}
		if code != tt.code || len(lines) != len(tt.lines) {
			t.Errorf("%v: exit %d, %d lines: %s", tt.args, code, len(lines), out.String())
			continue
		}
		for i, l := range lines {
			if !strings.Contains(l, tt.lines[i]) {
				t.Errorf("%v: line %s, want %s in it", tt.args, l, tt.lines[i])
			}
			var m map[string]any
			if err := json.Unmarshal([]byte(l), &m); err != nil || m["file"] == nil {
				t.Errorf("line %s: %v", l, err)
			}
		}
	}
}

func TestLine(t *testing.T) {
	path := write(t, "f.xml", doc)
	var out bytes.Buffer
	if code := Run(context.Background(), []string{path}, &out, Options{}); code != 0 {
		t.Fatal(code, out.String())
	}
	var m map[string]any
	if err := json.Unmarshal(out.Bytes(), &m); err != nil {
		t.Fatal(err)
	}
	for k, want := range map[string]string{"file": path, "url": "https://e.example/a", "title": "A & B", "text": "One\ntwo < three",
		"published": "2026-03-04T05:06:07Z", "author": "", "lang": "en"} {
		if m[k] != want {
			t.Errorf("%s is %q, want %q", k, m[k], want)
		}
	}
	if tags, _ := m["tags"].([]any); len(m) != 9 || len(tags) != 1 || len(m["id"].(string)) != 32 {
		t.Errorf("%v", m)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("closed") }

func TestNobodyReads(t *testing.T) {
	path := write(t, "f.xml", doc)
	if code := Run(context.Background(), []string{path, path}, broken{}, Options{}); code != 1 {
		t.Errorf("exit %d", code)
	}
}
