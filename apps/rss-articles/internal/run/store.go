package run

import (
	"context"
	"errors"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
)

// store is the fetcher's Store and Sink: what it knows is in compacted topics,
// what it finds goes to articles.raw.
type store struct {
	feeds  pipeline.View[topics.Feed]
	states pipeline.View[topics.FeedState]
	save   *pipeline.Emitter[topics.FeedState]
	items  *pipeline.Emitter[clean.Raw]
}

func newStore(s *pipeline.Service) (*store, error) {
	var st store
	var errs [4]error
	st.feeds, errs[0] = pipeline.ViewOf(s, topics.Feeds)
	st.states, errs[1] = pipeline.ViewOf(s, topics.FeedStates)
	st.save, errs[2] = pipeline.EmitterOf(s, topics.FeedStates)
	st.items, errs[3] = pipeline.EmitterOf(s, topics.Raw)
	return &st, errors.Join(errs[:]...)
}

// Feeds implements fetch.Store.
func (s *store) Feeds(context.Context) (list []topics.Feed, err error) {
	rows, failed := s.feeds.Range("", "")
	for key, f := range rows {
		f.URL = key // also where another program wrote something else
		list = append(list, f)
	}
	return list, failed()
}

// State implements fetch.Store.
func (s *store) State(_ context.Context, url string) (topics.FeedState, bool, error) {
	return s.states.Get(url)
}

// Save implements fetch.Store.
func (s *store) Save(ctx context.Context, st topics.FeedState) error {
	return s.save.Emit(ctx, st.URL, st)
}

// Forget implements fetch.Store.
func (s *store) Forget(ctx context.Context, url string) error { return s.save.Delete(ctx, url) }

// Emit implements fetch.Sink. The time of an item's record is that of the fetch.
func (s *store) Emit(ctx context.Context, items []clean.Raw) error {
	acknowledged := make(chan error, len(items))
	queued, errs := 0, []error(nil)
	for _, i := range items {
		if err := s.items.EmitAsync(ctx, i.Feed, i, i.Fetched, func(err error) { acknowledged <- err }); err != nil {
			errs = append(errs, err)
			break
		}
		queued++
	}
	for range queued {
		select {
		case err := <-acknowledged:
			errs = append(errs, err)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return errors.Join(errs...)
}
