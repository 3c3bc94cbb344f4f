package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/millrace/millrace/apps/rss-articles/internal/search"
	"github.com/millrace/millrace/apps/rss-articles/internal/text"
	"github.com/millrace/millrace/pipeline/views"
)

// Bounds of a search.
const (
	defaultHits = 20
	maxOffset   = 10_000
	lead        = 60 // characters before what was found, in an excerpt
)

// searchArticles answers with the unique articles that have words, best first.
func (s *Server) searchArticles(w http.ResponseWriter, r *http.Request) {
	q := parameters{w: w, r: r}
	limit, offset := q.number("limit", defaultHits, 1, maxPage), q.number("offset", 0, 0, maxOffset)
	reader, wanted := q.text("reader"), q.text("q")
	if !q.done() {
		return
	}
	query, err := search.Parse(wanted)
	if err != nil {
		views.WriteProblem(w, http.StatusBadRequest, err.Error())
		return
	}
	hits, total := s.found.Find(query, offset, limit)
	answer := struct {
		Items []Item   `json:"items"`
		Total int      `json:"total"`
		Next  int      `json:"next,omitempty"` // the offset of the next page
		Words []string `json:"words"`          // that were looked for
	}{Items: []Item{}, Total: total, Words: query.Shown()}
	for _, h := range hits {
		item, ok := s.idx.get(h.ID)
		if !ok {
			continue // it went a moment ago
		}
		e, ok, err := s.articles.Get(h.ID)
		if err == nil && ok {
			item.Excerpt = excerpt(e.Text, e.Lang, query.Shown())
			item.Marked, err = s.marked(reader, h.ID)
		}
		if err != nil {
			s.fail(w, r, err)
			return
		}
		answer.Items = append(answer.Items, item)
	}
	if next := offset + limit; next < total && next <= maxOffset {
		answer.Next = next
	}
	views.WriteJSON(w, http.StatusOK, answer)
}

// excerpt is the piece of a text that has one of the words, else its beginning.
func excerpt(s, lang string, words []string) string {
	lower := strings.ToLower(s)
	at := -1
	if len(lower) == len(s) { // else places in one are none of the other
		for _, w := range words {
			w = strings.TrimFunc(strings.ToLower(w), func(r rune) bool { return unicode.IsPunct(r) || unicode.IsSpace(r) })
			i := strings.Index(lower, w)
			if i < 0 { // another form of the word
				w = text.Stem(w, lang)
				i = strings.Index(lower, w)
			}
			if w != "" && i >= 0 && (at < 0 || i < at) {
				at = i
			}
		}
	}
	begin, n := 0, 0
	for i := range s { // the place of the character that is lead before
		if i >= at {
			break
		}
		if n++; n > lead {
			_, size := utf8.DecodeRuneInString(s[begin:])
			begin += size
		}
	}
	if begin == 0 {
		return short(s, excerptLen)
	}
	if i := strings.IndexAny(s[begin:at], " \n"); i >= 0 {
		begin += i + 1
	}
	return "…" + short(s[begin:], excerptLen)
}

// parameters reads a query string and answers with the first thing that is wrong.
type parameters struct {
	w     http.ResponseWriter
	r     *http.Request
	names []string
	wrong string
}

func (p *parameters) text(name string) string {
	p.names = append(p.names, name)
	return p.r.URL.Query().Get(name)
}

func (p *parameters) number(name string, otherwise, least, most int) int {
	v := p.text(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		p.wrong = name + " is not a number from " + strconv.Itoa(least) + " to " + strconv.Itoa(most)
	}
	return n
}

func (p *parameters) flag(name string) bool {
	v := p.text(name)
	if v != "" && v != "true" && v != "false" {
		p.wrong = name + " is neither true nor false"
	}
	return v == "true"
}

// done says whether all is right; if not, it has answered.
func (p *parameters) done() bool {
	for name := range p.r.URL.Query() {
		if !slices.Contains(p.names, name) {
			p.wrong = "there is no parameter " + strconv.Quote(name) + ": use " + strings.Join(p.names, ", ")
		}
	}
	if p.wrong != "" {
		views.WriteProblem(p.w, http.StatusBadRequest, p.wrong)
	}
	return p.wrong == ""
}
