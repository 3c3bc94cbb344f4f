package web

import (
	"context"
	"errors"
	"hash/fnv"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
)

// watcher finds what has changed in the views since it last looked.
type watcher struct {
	s       *Server
	shelves map[string]time.Time
	feeds   uint64
	readers uint64
}

// watch looks for changes until ctx ends.
func (s *Server) watch(ctx context.Context) error {
	w := watcher{s: s, shelves: map[string]time.Time{}}
	tick := time.NewTicker(s.cfg.Poll)
	defer tick.Stop()
	for {
		if err := w.look(); err != nil && !errors.Is(err, pipeline.ErrNotRunning) {
			s.cfg.Logger.Warn("cannot read the tables; the page waits", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (w *watcher) look() error {
	return errors.Join(w.lookAtArticles(), w.lookAtShelves(), w.lookAtFeeds(), w.lookAtReaders())
}

func (w *watcher) lookAtArticles() error {
	rows, failed := w.s.articles.Range("", "")
	there := map[string]bool{}
	for id, e := range rows {
		there[id] = true
		if i := itemOf(e); w.s.idx.put(i) {
			w.s.hub.send("article", i)
		}
	}
	if err := failed(); err != nil {
		return err
	}
	for _, id := range w.s.idx.ids() {
		if !there[id] && w.s.idx.remove(id) {
			w.s.hub.send("gone", map[string]string{"id": id})
		}
	}
	return nil
}

func (w *watcher) lookAtShelves() error {
	rows, failed := w.s.shelves.Range("", "")
	for id, shelf := range rows {
		if !w.shelves[id].Equal(shelf.Updated) {
			w.shelves[id] = shelf.Updated
			w.s.hub.send("shelf", map[string]string{"reader": id})
		}
	}
	return failed()
}

func (w *watcher) lookAtFeeds() error {
	sum, err := digest(w.s.cfg.Service, topics.Feeds.Name(), topics.FeedStates.Name())
	if err == nil && sum != w.feeds {
		w.feeds = sum
		w.s.hub.send("feeds", struct{}{})
	}
	return err
}

func (w *watcher) lookAtReaders() error {
	sum, err := digest(w.s.cfg.Service, topics.Readers.Name())
	if err == nil && sum != w.readers {
		w.readers = sum
		w.s.hub.send("readers", struct{}{})
	}
	return err
}

// digest is a hash of whole tables: the small ones.
func digest(s *pipeline.Service, tables ...string) (uint64, error) {
	h := fnv.New64a()
	for _, table := range tables {
		for from := ""; ; {
			rows, next, err := s.Rows(table, from, "", 1000)
			if err != nil {
				return 0, err
			}
			for _, r := range rows {
				h.Write([]byte(r.Key))
				h.Write([]byte{0})
				h.Write(r.Value)
				h.Write([]byte{0})
			}
			if from = next; from == "" {
				break
			}
		}
		h.Write([]byte{1})
	}
	return h.Sum64(), nil
}
