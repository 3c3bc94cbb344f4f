package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/feed"
	"github.com/millrace/millrace/apps/rss-articles/internal/sample"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
)

const (
	apart = 96 * time.Hour // between the beginnings of two rounds
	span  = 24 * time.Hour // of a round
)

// record is a line of the input.
type record struct {
	Topic string          `json:"topic"`
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
	At    time.Time       `json:"at"`
}

// item is a new or changed item of a poll, at its place among the polls of a
// round, from 0 to 1.
type item struct {
	feed, title string
	place       float64
	age         time.Duration // at the poll; below 0 if it says nothing
	feed.Item
}

// generate writes the readers and the rounds, of which the last ends at now.
func generate(out io.Writer, dir string, rounds int, now time.Time) error {
	items, err := read(dir)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(out)
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	put := func(topic, key string, value any, at time.Time) error {
		b, err := json.Marshal(value)
		if err != nil {
			return err
		}
		return lines.Encode(record{topic, key, b, at})
	}
	start := now.Add(-time.Duration(rounds-1)*apart - span)
	for _, r := range sample.Readers() {
		if err := put(topics.Readers.Name(), r.ID, r, start); err != nil {
			return err
		}
	}
	for round := range rounds {
		for _, i := range items {
			at := start.Add(time.Duration(round)*apart + time.Duration(i.place*float64(span)))
			if err := put(topics.Raw.Name(), i.feed, i.raw(round, at), at); err != nil {
				return err
			}
		}
	}
	return w.Flush()
}

// raw is the item as it is fetched in a round.
func (i item) raw(round int, at time.Time) clean.Raw {
	own := "round-" + strconv.Itoa(round)
	it := i.Item
	if it.GUID != "" {
		it.GUID += "#" + own
	}
	if it.Link != "" {
		it.Link = strings.TrimSuffix(it.Link, "/") + "/" + own
		if path, query, found := strings.Cut(i.Link, "?"); found {
			it.Link = strings.TrimSuffix(path, "/") + "/" + own + "?" + query
		}
	}
	it.Title += " (" + own + ")"
	it.Published = time.Time{}
	if i.age >= 0 {
		it.Published = at.Add(-min(i.age, span))
	}
	return clean.Raw{Feed: i.feed, FeedTitle: i.title, Fetched: at, Item: it}
}

// read parses the polls in a folder, feed/seconds.xml, and returns what is new
// or changed in each, in the order of time.
func read(dir string) (items []item, err error) {
	type poll struct {
		feed, path string
		at         time.Time
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.xml"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no polls in %s: give a folder with feed/seconds.xml", dir)
	}
	var polls []poll
	for _, path := range files {
		seconds, err := strconv.ParseInt(strings.TrimSuffix(filepath.Base(path), ".xml"), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("poll %s: its name is no number of seconds: %w", path, err)
		}
		polls = append(polls, poll{filepath.Base(filepath.Dir(path)), path, time.Unix(seconds, 0).UTC()})
	}
	slices.SortFunc(polls, func(a, b poll) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.feed, b.feed)) })
	last := map[string]map[string]bool{} // by feed: the items of its last poll
	for n, p := range polls {
		body, err := os.ReadFile(p.path)
		if err != nil {
			return nil, err
		}
		f, err := feed.Parse(body, feed.Hints{Now: p.at})
		if err != nil {
			return nil, fmt.Errorf("poll %s: %w", p.path, err)
		}
		now := map[string]bool{}
		for _, i := range f.Items {
			id := clean.ID(i.GUID, i.Link, i.Title, i.Summary, i.Content)
			if !last[p.feed][id] && !now[id] {
				age := time.Duration(-1)
				if !i.Published.IsZero() {
					age = max(0, p.at.Sub(i.Published))
				}
				items = append(items, item{p.feed, f.Title, float64(n) / float64(len(polls)), age, i})
			}
			now[id] = true
		}
		last[p.feed] = now
	}
	if len(items) == 0 {
		return nil, errors.New("the polls have no items")
	}
	return items, nil
}
