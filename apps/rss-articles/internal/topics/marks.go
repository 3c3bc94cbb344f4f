package topics

import (
	"strings"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// Marks are what readers did with articles, by [MarkKey]. They are written over
// HTTP, and removed with their article or reader.
var Marks = pipeline.NewTable("marks", codec.JSON[Mark]())

// Mark says what a reader did with an article.
type Mark struct {
	Reader  string    `json:"reader"`
	Article string    `json:"article"`         // its id
	Read    bool      `json:"read,omitempty"`  // opened, or marked as read
	Judged  ClickKind `json:"judged,omitzero"` // the last of ClickUp and ClickDown; "": neither
	At      time.Time `json:"at"`              // of the last change
}

// MarkKey is the key of a mark. The ids of readers have no slash.
func MarkKey(reader, article string) string { return reader + "/" + article }

// ReadersMarks is the range of the keys of a reader's marks.
func ReadersMarks(reader string) (from, to string) { return reader + "/", reader + "0" }

// ArticleOfMark returns the article in a key.
func ArticleOfMark(key string) string {
	_, article, _ := strings.Cut(key, "/")
	return article
}
