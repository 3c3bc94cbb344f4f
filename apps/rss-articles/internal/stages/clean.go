package stages

import (
	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/processors"
)

// Clean turns items into articles, by their id. Items that have nothing to tell
// them from others are dead letters. It has no state.
func Clean(Options) *pipeline.Processor {
	return processors.FlatMap("clean", topics.Raw, topics.Clean,
		func(_ *pipeline.Context, r clean.Raw, emit func(string, clean.Article)) error {
			a, err := clean.Clean(r)
			if err != nil {
				return err
			}
			emit(a.ID, a)
			return nil
		}).DeadLetters(topics.Failed)
}
