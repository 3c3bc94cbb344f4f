package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
)

const document = `<rss version="2.0"><channel><title>News</title>
<item><title>Rain</title><link>https://news.example/rain?id=1</link><guid>1</guid><pubDate>Mon, 01 Mar 2021 10:00:00 GMT</pubDate><description>It rains.</description></item>
%s</channel></rss>`

func write(t *testing.T, dir, name, more string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace([]byte(document), []byte("%s"), []byte(more), 1), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestGenerate(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "news/1614600000.xml", "")
	write(t, dir, "news/1614603600.xml", "<item><title>Sun</title><link>https://news.example/sun/</link></item>")
	now := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	if err := generate(&out, dir, 3, now); err != nil {
		t.Fatal(err)
	}
	ids, links, readers := map[string]bool{}, []string{}, 0
	for d := json.NewDecoder(&out); ; {
		var r record
		if err := d.Decode(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if r.Topic == topics.Readers.Name() {
			readers++
			continue
		}
		var raw clean.Raw
		if err := json.Unmarshal(r.Value, &raw); err != nil || r.Topic != topics.Raw.Name() || r.Key != "news" || raw.FeedTitle != "News" {
			t.Fatalf("%+v, %v", r, err)
		}
		a, err := clean.Clean(raw)
		if err != nil {
			t.Fatal(err)
		}
		if r.At.After(now) || a.Published.After(r.At) || r.At.Sub(a.Published) > span {
			t.Errorf("%s at %v, published %v", a.Title, r.At, a.Published)
		}
		ids[a.ID] = true
		links = append(links, raw.Item.Link)
	}
	if len(ids) != 6 || len(links) != 6 {
		t.Errorf("%d articles in %d records, want two of each of three rounds: %v", len(ids), len(links), links)
	}
	if links[0] != "https://news.example/rain/round-0?id=1" || links[5] != "https://news.example/sun/round-2" || readers == 0 {
		t.Errorf("links %v, %d readers", links, readers)
	}
}

func TestGenerateSaysWhatIsWrong(t *testing.T) {
	if err := generate(io.Discard, t.TempDir(), 1, time.Now()); err == nil {
		t.Error("an empty folder")
	}
	dir := t.TempDir()
	write(t, dir, "news/yesterday.xml", "")
	if err := generate(io.Discard, dir, 1, time.Now()); err == nil {
		t.Error("a name that is no time")
	}
	for _, args := range [][]string{nil, {"fly"}, {"generate"}, {"generate", "-rounds", "0", dir}} {
		if err := do(t.Context(), args, io.Discard); err == nil {
			t.Errorf("%q", args)
		}
	}
}
