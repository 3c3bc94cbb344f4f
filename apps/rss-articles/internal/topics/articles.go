package topics

import (
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

var (
	// Raw are the items as they were fetched, by the feed's address.
	Raw = pipeline.NewTopic("articles.raw", codec.JSON[clean.Raw]())
	// Clean are the articles, by their id.
	Clean = pipeline.NewTopic("articles.clean", codec.JSON[clean.Article]())
	// Failed are the records that no stage could handle.
	Failed = pipeline.NewTopic("articles.failed", codec.Bytes())
	// Unique are the articles that are no copies of others, by their id: once
	// each, and again when their text or title changes.
	Unique = pipeline.NewTopic("articles.unique", codec.JSON[clean.Article]())
	// Duplicates are the copies, by their own id.
	Duplicates = pipeline.NewTopic("articles.duplicates", codec.JSON[Duplicate]())
	// Articles are the unique articles with their copies, by their id.
	Articles = pipeline.NewTable("articles", codec.JSON[Entry]())
)

// Duplicate says that an article is a copy of another.
type Duplicate struct {
	Article    clean.Article `json:"article"`
	Original   string        `json:"original"`   // the id of the other
	Similarity float64       `json:"similarity"` // from 0 to 1
}

// Entry is a unique article as readers see it.
type Entry struct {
	clean.Article
	FirstSeen time.Time `json:"first_seen"`
	Updated   time.Time `json:"updated,omitzero"` // when the publisher last changed it
	Copies    []Copy    `json:"copies,omitempty"` // newest last, bounded
}

// Copy is a duplicate under its original.
type Copy struct {
	ID         string    `json:"id"`
	URL        string    `json:"url"`
	Title      string    `json:"title"`
	Feed       string    `json:"feed"`
	FeedTitle  string    `json:"feed_title,omitempty"`
	Published  time.Time `json:"published"`
	Similarity float64   `json:"similarity"`
}
