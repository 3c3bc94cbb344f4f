package fetch

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/sample"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
)

// TestSampleFeeds fetches the sample feeds until all is there, and once more.
func TestSampleFeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := sample.Handler(time.Now)
		if err != nil {
			t.Fatal(err)
		}
		w := newWorld()
		for _, f := range sample.Feeds() {
			w.feeds = append(w.feeds, topics.Feed{URL: "http://127.0.0.1:8081" + f.Path})
		}
		c := Config{Transport: inProcess{h}, OwnHosts: []string{"127.0.0.1:8081"}, OwnInterval: sample.Poll}
		_, stop := run(t, w, c)
		pass(time.Second)
		first := len(w.titles())
		pass(sample.Complete + 2*sample.Poll)
		all := len(w.titles())
		if first < 100 || all <= first {
			t.Errorf("%d items after a second, %d in the end", first, all)
		}
		for _, f := range w.feeds {
			if s := w.state(f.URL); s.Health != topics.HealthOK || s.Items == 0 || s.Title == "" {
				t.Errorf("%+v", s)
			}
		}
		stop()
		_, stop = run(t, w, c)
		pass(time.Minute)
		stop()
		if n := len(w.titles()); n != all {
			t.Errorf("%d items after a restart, %d before", n, all)
		}
	})
}
