package fetch

import (
	"testing"

	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
)

func TestPolled(t *testing.T) {
	doc := &answer{body: make([]byte, 10)}
	for _, c := range []struct {
		a      *answer
		health topics.Health
		items  int
		want   Polled
	}{
		{doc, topics.HealthOK, 3, Polled{Document, 10, 3}},
		{&answer{unchanged: true}, topics.HealthOK, 0, Polled{Outcome: NotModified}},
		{nil, topics.HealthFailing, 0, Polled{Outcome: Failed}},
		{doc, topics.HealthFailing, 0, Polled{Outcome: Failed}}, // that cannot be read
		{nil, topics.HealthGone, 0, Polled{Outcome: Gone}},
	} {
		if got := polled(c.a, topics.FeedState{Health: c.health}, c.items); got != c.want {
			t.Errorf("%v, %s: %+v, want %+v", c.a, c.health, got, c.want)
		}
	}
}
