package match

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/text"
)

// Bounds of what is made of one article.
const (
	MaxTerms  = 64   // words, of an article
	maxTags   = 8    // terms for tags, of an article
	maxNext   = 6    // following terms that are remembered, of a term
	maxWords  = 3000 // of an article's text that are looked at
	maxKey    = 200  // bytes of a term
	maxSingle = 64   // single characters of Chinese and the like, of an article
	longText  = 300  // bytes of a text beside which a word of the title counts twice
)

// Prefixes of terms that are no words.
const (
	TagPrefix  = "tag:"
	FeedPrefix = "feed:"
)

// Term is a term of an article.
type Term struct {
	Key   string   `json:"key"`
	Label string   `json:"label,omitempty"` // as readers read it
	Value float64  `json:"value"`           // how much the article is about it, up to 1
	Next  []string `json:"next,omitempty"`  // terms that follow it, for phrases
}

// Terms returns what an article is about: its best MaxTerms words, up to 8 tags,
// and its feed. The words are stems in the article's language. The values of the words are 1+ln of how often they occur, those
// of a long text's title counted twice, with a Euclidean norm of 1; those of
// tags and the feed are 1.
//
// Of Chinese and other scripts without spaces, the first single characters are
// terms too, besides the pairs of all: two titles on one matter often share
// characters but no pair.
func Terms(a clean.Article) []Term {
	words := map[string]*counted{}
	title := 1
	if len(a.Text) > longText {
		title = 2
	}
	count(words, a.Title, a.Lang, title)
	count(words, a.Text, a.Lang, 1)
	countSingle(words, a.Title, a.Text)
	list := make([]*counted, 0, len(words))
	for _, w := range words {
		list = append(list, w)
	}
	slices.SortFunc(list, func(a, b *counted) int {
		return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.at, b.at))
	})
	list = list[:min(len(list), MaxTerms)]
	norm := 0.0
	for _, w := range list {
		w.Value = 1 + math.Log(float64(w.n))
		norm += w.Value * w.Value
	}
	out := make([]Term, 0, len(list)+len(a.Tags)+1)
	for _, w := range list {
		w.Value = round(w.Value / math.Sqrt(norm))
		out = append(out, w.Term)
	}
	seen := map[string]bool{}
	for _, tag := range a.Tags {
		key := tagKey(tag)
		if key == TagPrefix || seen[key] || len(seen) == maxTags {
			continue
		}
		seen[key] = true
		out = append(out, Term{Key: key, Label: tag, Value: 1})
	}
	if a.Feed != "" {
		out = append(out, Term{Key: feedKey(a.Feed), Label: cmp.Or(a.FeedTitle, a.Feed), Value: 1})
	}
	return out
}

type counted struct {
	Term
	n  int // occurrences, those of the title counted more
	at int // the first of them
}

func count(words map[string]*counted, s, lang string, n int) {
	var last *counted
	at := 0
	for key, label := range text.Labelled(s, lang) {
		if at++; at > maxWords {
			return
		}
		w := words[key]
		if w == nil {
			w = &counted{Term: Term{Key: key, Label: label}, at: len(words)}
			words[key] = w
		}
		w.n += n
		if last != nil && len(last.Next) < maxNext && !slices.Contains(last.Next, key) {
			last.Next = append(last.Next, key)
		}
		last = w
	}
}

// countSingle counts the first single characters.
func countSingle(words map[string]*counted, texts ...string) {
	n := 0
	for _, s := range texts {
		for key := range text.Characters(s) {
			if n++; n > maxSingle {
				return
			}
			w := words[key]
			if w == nil {
				w = &counted{Term: Term{Key: key, Label: key}, at: len(words)}
				words[key] = w
			}
			w.n++
		}
	}
}

func tagKey(tag string) string {
	return cutKey(TagPrefix + strings.Join(strings.Fields(text.Normalize(tag)), " "))
}

func feedKey(url string) string { return cutKey(FeedPrefix + url) }

// IsWord says whether a term's key is a word, and no tag or feed.
func IsWord(key string) bool {
	return !strings.HasPrefix(key, TagPrefix) && !strings.HasPrefix(key, FeedPrefix)
}

// cutKey bounds a key, and keeps it free of the byte that ends it in stores.
func cutKey(s string) string {
	s = strings.ReplaceAll(s, "\x00", "")
	if len(s) > maxKey {
		s = strings.ToValidUTF8(s[:maxKey], "")
	}
	return s
}

// round keeps four digits, which is what the figures are good for.
func round(x float64) float64 { return math.Round(x*1e4) / 1e4 }

// Rarity says how much a term tells, from near 0 for one that every article has
// to 1: the inverse document frequency (Spärck Jones 1972) over its greatest
// value. df is how many of n articles have the term.
func Rarity(df, n int64) float64 {
	if n < 1 {
		n = 1
	}
	df = max(min(df, n), 0)
	return round(math.Log((float64(n)+1)/(float64(df)+0.5)) / math.Log((float64(n)+1)/0.5))
}
