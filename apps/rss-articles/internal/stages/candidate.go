package stages

import (
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/latent"
	"github.com/millrace/millrace/apps/rss-articles/internal/match"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
)

// candidate is an article that may be recommended to a reader.
type candidate struct {
	match.Candidate
	At     time.Time     // of the first part
	Due    bool          // is to be scored, and on its way round the loop
	Asked  bool          // was scored without its vector, of which Notify tells
	Vector latent.Vector // that Notify told
}

// candidate returns that of the record's reader.
func (s shelver) candidate(ctx *pipeline.Context, article string) (candidate, bool) {
	c, ok := s.candidates.Get(ctx, within(ctx.Key())+article)
	c.ID = article // which its row does not repeat
	return c, ok
}

// all returns the candidates of the record's reader.
func (s shelver) all(ctx *pipeline.Context) (list []candidate) {
	prefix := within(ctx.Key())
	for key, c := range s.candidates.Prefix(ctx, prefix) {
		c.ID = key[len(prefix):]
		list = append(list, c)
	}
	return list
}

// settled is how long the parts of a candidate may be under way: it is not
// judged as one of the worst until then.
const settled = time.Minute

// drop deletes the worst candidates, but for those whose parts may be under way
// still, of which there may be as many again.
func (s shelver) drop(ctx *pipeline.Context, list []candidate, worst []topics.Recommendation) {
	begun := map[string]time.Time{}
	for _, c := range list {
		begun[c.ID] = c.At
	}
	for _, r := range worst {
		if ctx.Timestamp().Sub(begun[r.Article]) >= settled || len(list) > 2*MaxCandidates {
			s.remove(ctx, within(ctx.Key())+r.Article, begun[r.Article])
		}
	}
}

// remove deletes a candidate of the record's reader that began at a time.
func (s shelver) remove(ctx *pipeline.Context, key string, began time.Time) {
	s.candidates.Delete(ctx, key)
	s.ages.forget(ctx, key, began.Add(s.retention))
	s.count(ctx, ctx.Key(), -1)
}

// count adds to the number of a reader's candidates and returns it. With the last one
// of a reader who is not there, what parts that came late have left goes too.
func (s shelver) count(ctx *pipeline.Context, reader string, by int64) int64 {
	n, _ := s.counts.Get(ctx, reader)
	if n += by; n <= 0 {
		s.counts.Delete(ctx, reader)
		if _, ok := s.profiles.Get(ctx, reader); !ok {
			s.rarities.Delete(ctx, reader)
			s.due.Delete(ctx, reader)
		}
		return 0
	}
	s.counts.Set(ctx, reader, n)
	return n
}
