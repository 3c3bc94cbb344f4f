package stages

import (
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/latent"
	"github.com/millrace/millrace/apps/rss-articles/internal/match"
	"github.com/millrace/millrace/apps/rss-articles/internal/neardup"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// What the stages exchange among themselves.
var (
	// Probes ask a band for articles like one, by the band's key.
	Probes = pipeline.NewTopic("articles.probes", codec.JSON[neardup.Probe]())
	// Answers are what the bands say of an article, by its id.
	Answers = pipeline.NewTopic("articles.answers", codec.JSON[neardup.Answer]())
	// Postings are the terms of articles, by term.
	Postings = pipeline.NewTopic("match.postings", codec.JSON[Posting]())
	// Wanted are the terms of readers, by term.
	Wanted = pipeline.NewTopic("match.wanted", codec.JSON[Wish]())
	// Parts are parts of scores, by the reader's id.
	Parts = pipeline.NewTopic("match.parts", codec.JSON[Part]())
	// Samples are articles to learn from, under one key.
	Samples = pipeline.NewTopic("match.samples", codec.JSON[Sample]())
	// Missing are articles that were scored without their vectors, by the article's id.
	Missing = pipeline.NewTopic("match.missing", codec.JSON[Asker]())
	// Pointed are vectors of such articles, by the reader's id.
	Pointed = pipeline.NewTopic("match.pointed", codec.JSON[Pointer]())
	// Vectors are where articles point, by the article's id: see package latent.
	Vectors = pipeline.NewTable("match.vectors", codec.JSON[latent.Vector]())
	// Descriptions are the terms of articles, by the article's id.
	Descriptions = pipeline.NewTable("match.descriptions", codec.New("terms", encodeDescription, decodeDescription))
	// Profiles are what each reader wants to read, by the reader's id.
	Profiles = pipeline.NewTable("profiles", codec.JSON[match.Profile]())
)

// Posting is a term of an article.
type Posting struct {
	Article match.Article `json:"article"`
	Term    match.Term    `json:"term"`
	Gone    bool          `json:"gone,omitempty"`  // the article does not have it any more
	Again   bool          `json:"again,omitempty"` // the article changed and had it before
	Shard   int           `json:"shard"`           // the partition of the index that the article is in
	Total   int64         `json:"total"`           // how many articles that has
}

// Sample is an article as its terms.
type Sample struct {
	Article string        `json:"article"`
	At      time.Time     `json:"at"` // when it came or changed
	Terms   latent.Sample `json:"terms,omitempty"`
	Gone    bool          `json:"gone,omitempty"`
}

// Asker is a reader for whom an article was scored without its vector.
type Asker struct {
	Reader string `json:"reader"`
}

// Pointer is the vector of an article, for a reader for whom it was scored without.
type Pointer struct {
	Article string        `json:"article"`
	Vector  latent.Vector `json:"vector"`
}

// Wish is a term that a reader wants.
type Wish struct {
	Reader    string     `json:"reader"`
	Languages []string   `json:"languages,omitempty"`
	Want      match.Want `json:"want"`
	Gone      bool       `json:"gone,omitempty"` // the reader does not want it any more
}

// Part is a part of the score of an article for a reader: that of one term. The
// next part of the same article, reader and term replaces it.
type Part struct {
	Article match.Article `json:"article"`
	Term    string        `json:"term"`
	match.Partial
	Rarity float64 `json:"rarity"`           // of the term
	Sought bool    `json:"sought,omitempty"` // the article was there when the reader began to want the term
	Gone   bool    `json:"gone,omitempty"`   // there is none any more
}

func encodeDescription(d match.Description) ([]byte, error) { return []byte(d), nil }
func decodeDescription(b []byte) (match.Description, error) { return match.Description(b), nil }
