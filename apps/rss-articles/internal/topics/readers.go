package topics

import (
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

var (
	// Readers are the readers with their interests, by their id. They are
	// written over HTTP and at the first start.
	Readers = pipeline.NewTable("readers", codec.JSON[Reader]())
	// Clicks are what readers opened or judged, by the reader's id.
	Clicks = pipeline.NewTopic("clicks", codec.JSON[Click]())
	// Recommendations are the best articles for each reader, by the reader's id.
	Recommendations = pipeline.NewTable("recommendations", codec.JSON[Shelf]())
)

// Reader is a person with interests.
type Reader struct {
	ID        string     `json:"id"`
	Name      string     `json:"name,omitempty"`
	Interests []Interest `json:"interests"`
	Languages []string   `json:"languages,omitempty"` // ISO 639-1; none: all
}

// Interest is something that a reader wants to read about: words or a phrase,
// a tag as "tag:NAME", or a feed as "feed:URL".
type Interest struct {
	Text   string  `json:"text"`
	Weight float64 `json:"weight,omitempty"` // 0 stands for 1; below 0: rather not
}

// Click is an article that a reader opened or judged.
type Click struct {
	Reader  string    `json:"reader"`
	Article string    `json:"article"` // its id
	Kind    ClickKind `json:"kind"`
	At      time.Time `json:"at"`
}

// ClickKind says what a reader did.
type ClickKind string

// The values of ClickKind.
const (
	ClickOpen ClickKind = "open"
	ClickUp   ClickKind = "up"
	ClickDown ClickKind = "down"
)

// Shelf is what a reader is recommended, best first.
type Shelf struct {
	Reader  string           `json:"reader"`
	Items   []Recommendation `json:"items"`
	Updated time.Time        `json:"updated"`
}

// Recommendation is an article with what speaks for it.
type Recommendation struct {
	Article   string    `json:"article"` // its id
	Title     string    `json:"title"`
	URL       string    `json:"url"`
	Published time.Time `json:"published"`
	Score     float64   `json:"score"`
	Reasons   []Reason  `json:"reasons"` // strongest first
}

// Reason is a term for which an article was recommended.
type Reason struct {
	Term   string  `json:"term"`   // as readers read it
	Source string  `json:"source"` // "interest" or "click"
	Score  float64 `json:"score"`  // its part of the whole
}
