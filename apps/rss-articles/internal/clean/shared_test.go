package clean

import (
	"testing"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/feed"
)

// Items of one document that have one address are told apart by what all of them
// have, and remain one where they are versions.
func TestSharedAddresses(t *testing.T) {
	const home, day = "https://example.org/", "https://example.org/2026/01/02"
	for name, c := range map[string]struct {
		items    []feed.Item
		articles int
	}{
		"each its own address": {[]feed.Item{{Link: home + "a", Title: "A"}, {Link: home + "b", Title: "B"}}, 2},
		"by guid": {[]feed.Item{{Link: home, GUID: "1", Title: "Episode 1"}, {Link: "http://www.example.org/?utm_source=rss", GUID: "2", Title: "Episode 2"},
			{Link: home, GUID: "3", Title: "Episode 3"}}, 3},
		"by fragment, as not all have a guid": {[]feed.Item{{Link: day + "#a", GUID: "1", Title: "Good morning"}, {Link: day + "#b", Summary: "Good night"}}, 2},
		"by title":                            {[]feed.Item{{Link: home, Title: "Episode 1"}, {Link: home, Title: "Episode 2"}}, 2},
		"by what they say":                    {[]feed.Item{{Link: day, Content: "Good morning"}, {Link: day, Content: "Good night"}}, 2},
		"one title, listed twice":             {[]feed.Item{{Link: home + "a?from=politics", GUID: "1", Title: "A"}, {Link: home + "a?from=politics", GUID: "2", Title: "A"}}, 1},
		"one guid, another title":             {[]feed.Item{{Link: home + "a", GUID: "1", Title: "A"}, {Link: home + "a", GUID: "1", Title: "A, with more"}}, 1},
		"no address":                          {[]feed.Item{{GUID: "1", Title: "A"}, {GUID: "2", Title: "B"}}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			ids := map[string]bool{}
			shared := SharedBy(c.items)
			for _, i := range c.items {
				a, err := Clean(Raw{Feed: "f", Fetched: time.Unix(0, 0), Item: i, Part: shared.Part(i)})
				if err != nil {
					t.Fatal(err)
				}
				ids[a.ID] = true
			}
			if len(ids) != c.articles {
				t.Errorf("%d articles, want %d", len(ids), c.articles)
			}
		})
	}
}

// What is alone at its address is known by that, under whatever title and guid,
// and a part of a page is linked to where it stands there.
func TestPartOfAPage(t *testing.T) {
	clean := func(i feed.Item, beside ...feed.Item) Article {
		a, err := Clean(Raw{Feed: "f", Item: i, Part: SharedBy(append(beside, i)).Part(i)})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	first := feed.Item{Link: "https://example.org/day#one", GUID: "1", Title: "One"}
	second := feed.Item{Link: "https://example.org/day#two%20b", GUID: "2", Title: "Two"}
	retitled := first
	retitled.GUID, retitled.Title = "1b", "One, again"
	if a, b := clean(first), clean(retitled); a.ID != b.ID || a.URL != "https://example.org/day" {
		t.Errorf("a retitle is another article, or has another address: %+v, %+v", a, b)
	}
	a, b := clean(first, second), clean(second, first)
	if a.ID == b.ID || a.ID == clean(first).ID || b.URL != "https://example.org/day#two%20b" {
		t.Errorf("parts of a page: %+v, %+v", a, b)
	}
	if again := clean(second, first, feed.Item{Link: "https://example.org/day#three", GUID: "3", Title: "Three"}); again.ID != b.ID {
		t.Error("a part is another article when there is one more beside it")
	}
}
