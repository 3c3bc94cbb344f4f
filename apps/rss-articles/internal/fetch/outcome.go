package fetch

import "github.com/millrace/millrace/apps/rss-articles/internal/topics"

// Outcome is how a poll ended.
type Outcome string

// The values of Outcome.
const (
	Document    Outcome = "document"     // that could be read
	NotModified Outcome = "not-modified" // since the last one (304)
	Failed      Outcome = "failed"
	Gone        Outcome = "gone" // for good (410)
)

// Outcomes returns all of them.
func Outcomes() []Outcome { return []Outcome{Document, NotModified, Failed, Gone} }

// Polled is what is told of a poll.
type Polled struct {
	Outcome Outcome
	Bytes   int // of the document, unpacked
	Items   int // that are new or changed
}

// polled is what is told of a poll that came to a state with items; a is nil
// after a failure.
func polled(a *answer, s topics.FeedState, items int) Polled {
	switch {
	case s.Health == topics.HealthGone:
		return Polled{Outcome: Gone}
	case s.Health != topics.HealthOK || a == nil:
		return Polled{Outcome: Failed}
	case a.unchanged:
		return Polled{Outcome: NotModified}
	}
	return Polled{Outcome: Document, Bytes: len(a.body), Items: items}
}
