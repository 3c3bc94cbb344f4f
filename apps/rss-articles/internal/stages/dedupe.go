package stages

import (
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/neardup"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// HeaderFirstSeen is the header of articles.unique and articles.duplicates that
// says when the article was first seen, as RFC 3339. The record's time is that
// of the version at hand.
const HeaderFirstSeen = "first-seen"

// Dedupe passes each article on once, as unique or as a duplicate of another,
// and again when the feed that had it first changes its text or title. The
// first time that an id is seen, its bands are asked for others like it, and
// the verdict waits for their answers. A verdict can change later, from unique
// to duplicate or to an older original: then the article is passed on again.
//
// State: for each id a few hundred bytes for Retention and Window, and the
// article itself for Window.
func Dedupe(o Options) *pipeline.Processor {
	o = o.withDefaults()
	p := pipeline.Process("dedupe").DeadLetters(topics.Failed)
	stories := pipeline.Store(p, pipeline.NewTable("dedupe.stories", codec.JSON[Story]()))
	ages := newExpiry(p, "dedupe.ages")
	probes := pipeline.Output(p, Probes)
	unique := pipeline.Output(p, topics.Unique)
	duplicates := pipeline.Output(p, topics.Duplicates)
	sketcher := neardup.NewSketcher()

	publish := func(ctx *pipeline.Context, s Story) {
		first := pipeline.Header{Name: HeaderFirstSeen, Value: s.First.AppendFormat(nil, time.RFC3339Nano)}
		if m := s.Verdict.Best; m != nil {
			d := topics.Duplicate{Article: *s.Article, Original: m.Original.ID, Similarity: m.Score}
			duplicates.EmitAt(ctx, ctx.Key(), d, s.Version, first)
		} else {
			unique.EmitAt(ctx, ctx.Key(), *s.Article, s.Version, first)
		}
	}
	forget := func(ctx *pipeline.Context) {
		keys, now := ages.due(ctx)
		for _, key := range keys {
			switch s, ok := stories.Get(ctx, key); {
			case !ok:
			case !now.Before(s.First.Add(o.Retention + o.memory())):
				stories.Delete(ctx, key)
			case s.Article != nil && s.decided() && !now.Before(s.Version.Add(o.memory())):
				s.Article = nil
				stories.Set(ctx, key, s)
			}
		}
	}

	pipeline.Input(p, topics.Clean, func(ctx *pipeline.Context, a clean.Article) error {
		forget(ctx)
		s, known := stories.Get(ctx, ctx.Key())
		s, differs := s.see(a, ctx.Timestamp())
		if !differs {
			return nil
		}
		if !known {
			sketch, bands := sketcher.Sketch(neardup.Document{Title: title(a), Text: a.Text, Source: source(a.URL)})
			s.Bands = len(bands)
			for i, probe := range neardup.Probes(s.Rank, sketch, bands) {
				probes.Emit(ctx, bands[i], probe)
			}
			ages.note(ctx, ctx.Key(), s.First.Add(o.Retention+o.memory()))
		}
		ages.note(ctx, ctx.Key(), s.Version.Add(o.memory()))
		stories.Set(ctx, ctx.Key(), s)
		if s.decided() {
			publish(ctx, s)
		}
		return nil
	})
	pipeline.Input(p, Answers, func(ctx *pipeline.Context, a neardup.Answer) error {
		s, ok := stories.Get(ctx, ctx.Key())
		if !ok || s.Article == nil {
			return nil // out of the window
		}
		s, verdict := s.answer(a)
		stories.Set(ctx, ctx.Key(), s)
		if verdict {
			publish(ctx, s)
		}
		return nil
	})
	return p
}

// Story is what is known of an article's id.
type Story struct {
	Rank    neardup.Rank    `json:"rank"`
	First   time.Time       `json:"first"`             // first seen
	Feed    string          `json:"feed"`              // that had it first, and may change it
	Hash    string          `json:"hash"`              // of the newest version
	Version time.Time       `json:"version"`           // when that was seen
	Article *clean.Article  `json:"article,omitempty"` // the newest version, for Window
	Bands   int             `json:"bands"`             // that were asked
	Verdict neardup.Verdict `json:"verdict"`
}

// see returns the story after an article was seen, and whether that made a
// difference: the first sight, or a change by the feed that had it first.
func (s Story) see(a clean.Article, at time.Time) (Story, bool) {
	known := !s.First.IsZero()
	older := known && at.Before(s.First)
	switch {
	case !known:
		s.Rank, s.First, s.Feed = neardup.Rank{At: at.UnixMilli(), ID: a.ID}, at, a.Feed
	case older:
		s.First, s.Feed = at, a.Feed
	case a.Feed != s.Feed, at.Before(s.Version), a.Hash == s.Hash:
		return s, false
	}
	s.Hash, s.Version, s.Article = a.Hash, at, &a
	return s, true
}

// answer returns the story after a band's answer, and whether there is a new
// verdict.
func (s Story) answer(a neardup.Answer) (Story, bool) {
	v, d := s.Verdict.Add(a)
	s.Verdict = v
	return s, d != nil
}

// decided says whether there is a verdict.
func (s Story) decided() bool { return s.Bands == 0 || s.Verdict.Decided() }

// title is an article's title for package neardup: none if it is the beginning
// of the text, as that of items that came without one is. It would count twice.
func title(a clean.Article) string {
	t := strings.TrimSuffix(a.Title, "…")
	if len(a.Text) > len(a.Title) && strings.HasPrefix(a.Text, t) {
		return ""
	}
	return a.Title
}

// source names the publisher of an article for package neardup: the domain that
// it has registered.
func source(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	if d, err := publicsuffix.EffectiveTLDPlusOne(u.Hostname()); err == nil {
		return d
	}
	return u.Hostname()
}
