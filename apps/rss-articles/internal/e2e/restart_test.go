package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/run"
	"github.com/millrace/millrace/apps/rss-articles/internal/sample"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
)

// tables are what must survive a restart; what the fetcher last did changes by
// itself.
var tables = []string{"articles", "feeds", "readers", "recommendations"}

func (a *instance) snapshot() map[string]map[string]json.RawMessage {
	a.t.Helper()
	s := map[string]map[string]json.RawMessage{}
	for _, t := range tables {
		s[t] = a.rows(t)
	}
	return s
}

// settle waits until all sample feeds were fetched and nothing changes any more,
// and returns the tables.
func (a *instance) settle() map[string]map[string]json.RawMessage {
	a.t.Helper()
	eventually(a.t, "all sample feeds were fetched", func() bool {
		states := a.rows("feeds.state")
		for _, b := range states {
			var s topics.FeedState
			if json.Unmarshal(b, &s) != nil || s.Health != topics.HealthOK || s.Items == 0 {
				return false
			}
		}
		return len(states) == len(sample.Feeds())
	})
	eventually(a.t, "every sample reader is recommended something", func() bool {
		return len(a.rows("recommendations")) >= len(sample.Readers())
	})
	return a.rest()
}

// idle says whether no processor has records that are not committed.
func (a *instance) idle() bool {
	a.t.Helper()
	var st pipeline.Status
	if a.get("/v1/status", &st) != 200 || !st.Ready {
		return false
	}
	for _, p := range st.Processors {
		for _, part := range p.Partitions {
			if part.Lag != 0 {
				return false
			}
		}
	}
	return true
}

// rest waits until the tables do not change any more, and returns them.
func (a *instance) rest() map[string]map[string]json.RawMessage {
	a.t.Helper()
	last, same, since := a.snapshot(), 0, time.Now()
	eventually(a.t, "the tables rest", func() bool {
		now := a.snapshot()
		if a.idle() && equal(last, now) {
			same++
		} else {
			same, since = 0, time.Now()
		}
		last = now
		return same >= 10 && time.Since(since) > 1500*time.Millisecond // a look takes long on a busy machine
	})
	return last
}

func equal(a, b map[string]map[string]json.RawMessage) bool {
	return maps.EqualFunc(a, b, func(x, y map[string]json.RawMessage) bool {
		return maps.EqualFunc(x, y, func(v, w json.RawMessage) bool { return string(v) == string(w) })
	})
}

// checkSamples checks that readers are recommended something, and that every
// planted copy is under its original.
func (a *instance) checkSamples(all map[string]map[string]json.RawMessage) {
	a.t.Helper()
	for _, r := range sample.Readers() {
		var shelf topics.Shelf
		if err := json.Unmarshal(all["recommendations"][r.ID], &shelf); err != nil || len(shelf.Items) == 0 {
			a.t.Errorf("%s is recommended nothing: %v", r.ID, err)
		}
		for _, i := range shelf.Items {
			if len(i.Reasons) == 0 {
				a.t.Errorf("%s is recommended %q without a reason", r.ID, i.Title)
			}
		}
	}
	place := map[string]string{} // canonical address: id of the article that it is, or is under
	put := func(id, address string) {
		if u := clean.Canonical(address); place[u] != "" {
			a.t.Errorf("%s is there twice: %s and %s", u, place[u], id)
		} else {
			place[u] = id
		}
	}
	for id, b := range all["articles"] {
		var e topics.Entry
		if err := json.Unmarshal(b, &e); err != nil {
			a.t.Fatal(err)
		}
		put(id, e.URL)
		for _, c := range e.Copies {
			if clean.Canonical(c.URL) != clean.Canonical(e.URL) {
				put(id, c.URL)
			}
		}
	}
	planted, err := sample.Planted()
	if err != nil || len(planted) == 0 {
		a.t.Fatalf("%d planted copies: %v", len(planted), err)
	}
	for _, p := range planted {
		original, copied := place[clean.Canonical(p.Original.Link)], place[clean.Canonical(p.Copy.Link)]
		if original == "" || original != copied {
			a.t.Errorf("%s copy %q is in %q, its original %q in %q", p.Kind, p.Copy.Title, copied, p.Original.Title, original)
		}
	}
}

// forgetEarlierRuns removes what an earlier run of this test left on the cluster.
func (a *instance) forgetEarlierRuns(dir string) {
	a.t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "local.json"))
	var memory struct{ Port int }
	if err = errors.Join(err, json.Unmarshal(b, &memory)); err != nil {
		a.t.Fatal(err)
	}
	for feed := range a.rows("feeds") {
		if !strings.HasPrefix(feed, fmt.Sprintf("http://127.0.0.1:%d/", memory.Port)) {
			a.do("DELETE", "/v1/feeds/"+url.PathEscape(feed), nil, nil)
		}
	}
	a.do("DELETE", "/v1/readers/grace", nil, nil)
	eventually(a.t, "they are forgotten", func() bool {
		return a.rows("readers")["grace"] == nil && len(a.rows("feeds")) == len(sample.Feeds())
	})
}

func TestRestartKeepsEverything(t *testing.T) { restart(t, nil) }

// restart runs the app twice on a cluster, or on the embedded broker if none is
// named.
func restart(t *testing.T, brokers []string) {
	dir := oldState(t)
	a := start(t, run.Config{State: dir, Brokers: brokers})
	a.forgetEarlierRuns(dir)
	before := a.settle()
	a.checkSamples(before)

	// What was changed over HTTP survives too, also what was removed.
	gone := slices.Sorted(maps.Keys(before["feeds"]))[0]
	if code := a.do("DELETE", "/v1/feeds/"+url.PathEscape(gone), nil, nil); code != 204 {
		t.Fatalf("remove a feed: %d", code)
	}
	if code := a.do("DELETE", "/v1/readers/eva", nil, nil); code != 204 {
		t.Fatalf("remove a reader: %d", code)
	}
	if code := a.do("PUT", "/v1/readers/grace", topics.Reader{Interests: []topics.Interest{{Text: "ocean"}}}, nil); code != 201 {
		t.Fatalf("add a reader: %d", code)
	}
	eventually(t, "Grace is recommended something, Eva nothing", func() bool {
		now := a.snapshot()
		return now["recommendations"]["grace"] != nil && now["recommendations"]["eva"] == nil && now["feeds"][gone] == nil
	})
	before = a.rest()
	a.stop()

	again := start(t, run.Config{State: dir, Brokers: brokers})
	after := again.rest()
	for _, name := range tables {
		for key, v := range before[name] {
			if w, ok := after[name][key]; !ok {
				t.Errorf("%s: %q is lost", name, key)
			} else if string(v) != string(w) {
				t.Errorf("%s: %q was %.300s\nand is %.300s", name, key, v, w)
			}
		}
		for key := range after[name] {
			if _, ok := before[name][key]; !ok {
				t.Errorf("%s: %q has appeared", name, key)
			}
		}
	}
}
