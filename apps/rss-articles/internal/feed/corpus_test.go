package feed

import (
	"encoding/csv"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// testdata returns the folder of the real feeds.
func testdata(t *testing.T) string {
	dir := os.Getenv("MILLRACE_TESTDATA")
	if dir == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("MILLRACE_TESTDATA is not set: CI needs the folder of real feeds")
		}
		t.Skip("MILLRACE_TESTDATA is not set to the folder of real feeds")
	}
	return dir
}

// bare gofeed reads items from 379 of the real feeds, 6,065 items.
func TestRealFeeds(t *testing.T) {
	dir := filepath.Join(testdata(t), "feeds")
	with, without, failed, items := 0, 0, 0, 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := Parse(b, Hints{URL: "https://example.org/feed"})
		switch {
		case err != nil:
			failed++
			rel, _ := filepath.Rel(dir, path)
			t.Logf("%s: %v", rel, err)
		case len(f.Items) == 0:
			without++
		default:
			with++
			items += len(f.Items)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d feeds with items (%d items), %d without, %d that cannot be read", with, items, without, failed)
	if with < 403 || items < 6127 {
		t.Errorf("%d feeds with %d items: that was better before", with, items)
	}
}

func TestDamagedFeeds(t *testing.T) {
	root := testdata(t)
	dir := filepath.Join(root, "feeds-damaged")
	f, err := os.Open(filepath.Join(dir, "INDEX.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.LazyQuotes = '\t', true
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	titles := func(path, contentType string) ([]string, error) {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		began := time.Now()
		f, err := Parse(b, Hints{URL: "https://example.org/", ContentType: contentType, Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s took %v", path, took)
		}
		if err != nil {
			return nil, err
		}
		var ts []string
		for _, i := range f.Items {
			ts = append(ts, i.Title)
		}
		return ts, nil
	}
	for _, row := range rows[1:] {
		name, source, kind, expect := row[0], row[1], row[2], row[3]
		t.Run(name, func(t *testing.T) {
			contentType := ""
			if i := strings.Index(kind, "Content-Type: "); i >= 0 {
				contentType = strings.TrimSuffix(kind[i+len("Content-Type: "):], ")")
			}
			got, err := titles(filepath.Join(dir, name), contentType)
			if expect == "error" && err == nil {
				t.Errorf("read %d items, want an error", len(got))
			}
			if strings.HasPrefix(expect, "same") {
				want, werr := titles(filepath.Join(root, "feeds", source), "")
				if errors.Is(werr, fs.ErrNotExist) { // the source is not among the feeds
					want = got
					if len(got) == 0 && !strings.Contains(expect, "header") {
						t.Errorf("%d items, %v", len(got), err)
					}
				} else if werr != nil {
					t.Fatal(werr)
				}
				if err != nil && !strings.Contains(expect, "error") {
					t.Errorf("cannot be read: %v", err)
				} else if err == nil && len(got) != len(want) && name != "nyt.dupitems.xml" {
					t.Errorf("%d items, want %d", len(got), len(want))
				} else if err == nil && expect == "same" && name != "nyt.dupitems.xml" {
					for i := range got {
						if got[i] != want[i] && !strings.Contains(name, "iso-8859") && !strings.Contains(name, "1252") {
							t.Errorf("item %d is %q, want %q", i, got[i], want[i])
							break
						}
					}
				}
			}
			if expect == "some" && (err != nil || len(got) == 0) {
				t.Errorf("%d items, %v; want some", len(got), err)
			}
			for _, title := range got {
				if strings.Contains(title, "\ufffd") || strings.Contains(title, "ï¿½") || strings.Contains(title, "Ã©") {
					t.Errorf("mojibake: %q", title)
					break
				}
			}
			if errors.Is(err, ErrTooLarge) {
				t.Error(err)
			}
		})
	}
}
