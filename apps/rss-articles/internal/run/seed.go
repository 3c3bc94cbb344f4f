package run

import (
	"context"
	"fmt"

	"github.com/millrace/millrace/apps/rss-articles/internal/sample"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
)

// seed subscribes to what was asked for, once the tables are known: to the named
// feeds whenever they are not subscribed to, to the samples at the first start
// only, so that those that were removed stay so.
func (a *app) seed(ctx context.Context) error {
	feeds, err := pipeline.ViewOf(a.service, topics.Feeds)
	if err != nil {
		return err
	}
	emit, err := pipeline.EmitterOf(a.service, topics.Feeds)
	if err != nil {
		return err
	}
	subscribe := func(s source) error {
		if _, there, err := feeds.Get(s.URL); there || err != nil {
			return err
		}
		return emit.Emit(ctx, s.URL, topics.Feed{URL: s.URL, Title: s.Title, Added: a.cfg.Now().UTC()})
	}
	if len(a.sources) > 0 {
		if err := a.unsubscribeSamples(ctx, feeds, emit); err != nil {
			return err
		}
		for _, s := range a.sources {
			if err := subscribe(s); err != nil {
				return err
			}
		}
		return nil
	}
	if a.state.memory.Seeded {
		return nil
	}
	for _, f := range sample.Feeds() {
		if err := subscribe(source{URL: a.local.base() + f.Path}); err != nil {
			return err
		}
	}
	if err := a.addReaders(ctx); err != nil {
		return err
	}
	a.state.memory.Seeded = true
	return a.state.save()
}

func (a *app) addReaders(ctx context.Context) error {
	readers, err := pipeline.ViewOf(a.service, topics.Readers)
	if err != nil {
		return err
	}
	emit, err := pipeline.EmitterOf(a.service, topics.Readers)
	if err != nil {
		return err
	}
	for _, r := range sample.Readers() {
		if _, there, err := readers.Get(r.ID); err != nil {
			return err
		} else if there {
			continue
		}
		if err := emit.Emit(ctx, r.ID, r); err != nil {
			return err
		}
	}
	return nil
}

// unsubscribeSamples removes the sample feeds of an earlier start, which are
// not served when other feeds are named.
func (a *app) unsubscribeSamples(ctx context.Context, feeds pipeline.View[topics.Feed], emit *pipeline.Emitter[topics.Feed]) error {
	rows, failed := feeds.Range("", "")
	var old []string
	for key := range rows {
		if a.state.isLocal(key) {
			old = append(old, key)
		}
	}
	if err := failed(); err != nil {
		return err
	}
	for _, key := range old {
		if err := emit.Delete(ctx, key); err != nil {
			return fmt.Errorf("unsubscribe from a sample feed: %w", err)
		}
	}
	if a.state.memory.Seeded {
		a.state.memory.Seeded = false
		return a.state.save()
	}
	return nil
}
