package web

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/search"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
)

// watch follows the tables and tells the pages what changes, until ctx ends.
func (s *Server) watch(ctx context.Context) {
	signal := func(event string) func(context.Context, []pipeline.RowChange) error {
		return func(context.Context, []pipeline.RowChange) error { s.hub.send(event, struct{}{}); return nil }
	}
	var wg sync.WaitGroup
	for table, changed := range map[string]func(context.Context, []pipeline.RowChange) error{
		topics.Articles.Name():        s.articlesChanged,
		topics.Recommendations.Name(): s.shelvesChanged,
		topics.Feeds.Name():           signal("feeds"),
		topics.FeedStates.Name():      signal("feeds"),
		topics.Readers.Name():         signal("readers"),
		topics.Marks.Name():           s.marksChanged,
	} {
		wg.Go(func() { s.follow(ctx, table, changed) })
	}
	wg.Wait()
}

// follow hands over a table as it is and then its changes, again from the
// beginning when it was too slow for them or the service is not there yet.
func (s *Server) follow(ctx context.Context, table string, changed func(context.Context, []pipeline.RowChange) error) {
	for {
		err := s.followOnce(ctx, table, changed)
		if ctx.Err() != nil {
			return
		}
		if !errors.Is(err, pipeline.ErrNotRunning) {
			s.cfg.Logger.Warn("a table is read anew for the page", "table", table, "error", err)
		}
		select {
		case <-time.After(s.cfg.Retry):
		case <-ctx.Done():
			return
		}
	}
}

// batch bounds the rows that are handed over at a time.
const batch = 100

func (s *Server) followOnce(ctx context.Context, table string, changed func(context.Context, []pipeline.RowChange) error) error {
	w, err := s.cfg.Service.Watch(table, "", "")
	if err != nil {
		return err
	}
	defer w.Close()
	there := map[string]bool{}
	var rows []pipeline.RowChange
	for row, err := range w.Rows() {
		if err != nil {
			return err
		}
		there[row.Key] = true
		if rows = append(rows, pipeline.RowChange{Row: row}); len(rows) == batch {
			if err := changed(ctx, rows); err != nil {
				return err
			}
			rows = nil
		}
	}
	if table == topics.Articles.Name() { // what went while nobody watched
		for _, id := range s.idx.ids() {
			if !there[id] {
				rows = append(rows, pipeline.RowChange{Row: pipeline.Row{Key: id}, Deleted: true})
			}
		}
		if err := s.sweepMarks(ctx, there); err != nil {
			return err
		}
	}
	if table == topics.Marks.Name() {
		rows = nil // how things stand is in the lists that the pages read
	}
	for {
		if len(rows) > 0 {
			if err := changed(ctx, rows); err != nil {
				return err
			}
		}
		if rows, err = w.Next(ctx); err != nil {
			return err
		}
	}
}

func (s *Server) articlesChanged(ctx context.Context, rows []pipeline.RowChange) error {
	for _, r := range rows {
		if r.Deleted {
			s.found.Remove(r.Key)
			if s.idx.remove(r.Key) {
				s.hub.send("gone", map[string]string{"id": r.Key})
			}
			if err := s.articleGone(ctx, r.Key); err != nil {
				return err
			}
			continue
		}
		var e topics.Entry
		if err := json.Unmarshal(r.Value, &e); err != nil {
			s.cfg.Logger.Warn("an article cannot be read, and is not listed", "article", r.Key, "error", err)
			continue
		}
		i := itemOf(e)
		changed, evicted := s.idx.put(i)
		if evicted != "" {
			s.found.Remove(evicted)
		}
		if changed {
			s.found.Put(search.Document{ID: e.ID, Title: e.Title, Text: e.Text, Lang: e.Lang, At: e.FirstSeen})
			s.hub.send("article", i)
		}
	}
	return nil
}

func (s *Server) shelvesChanged(_ context.Context, rows []pipeline.RowChange) error {
	for _, r := range rows {
		s.hub.send("shelf", map[string]string{"reader": r.Key})
	}
	return nil
}
