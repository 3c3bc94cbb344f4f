package web

import (
	"fmt"
	"math"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline/views"
)

// Bounds of readers.
const (
	maxReaders   = 1000
	maxName      = 100 // characters
	maxInterests = 100
	maxInterest  = 200 // characters
	maxWeight    = 10
	maxLanguages = 20
)

var (
	readerID = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N}._-]{0,63}$`)
	language = regexp.MustCompile(`^[a-z]{2,3}$`)
)

func (s *Server) listReaders(w http.ResponseWriter, r *http.Request) {
	list := []topics.Reader{}
	rows, failed := s.readers.Range("", "")
	for _, reader := range rows {
		list = append(list, reader)
	}
	if err := failed(); err != nil {
		s.fail(w, r, err)
		return
	}
	views.WriteJSON(w, http.StatusOK, map[string]any{"items": list})
}

// CheckReader trims a reader's texts and returns all that is wrong with it.
func CheckReader(r *topics.Reader) (problems []string) {
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if !readerID.MatchString(r.ID) {
		bad("the id %q is not 1 to 64 letters, digits, dots, hyphens and underscores", r.ID)
	}
	if r.Name = strings.TrimSpace(r.Name); utf8.RuneCountInString(r.Name) > maxName {
		bad("the name has more than %d characters", maxName)
	}
	if len(r.Interests) > maxInterests {
		bad("%d interests are more than %d", len(r.Interests), maxInterests)
	}
	for i := range r.Interests {
		in := &r.Interests[i]
		switch in.Text = strings.TrimSpace(in.Text); {
		case in.Text == "":
			bad("interest %d has no text", i+1)
		case utf8.RuneCountInString(in.Text) > maxInterest:
			bad("interest %d has more than %d characters", i+1, maxInterest)
		}
		if math.Abs(in.Weight) > maxWeight {
			bad("interest %d has the weight %v, which is not between -%d and %d", i+1, in.Weight, maxWeight, maxWeight)
		}
	}
	if len(r.Languages) > maxLanguages {
		bad("%d languages are more than %d", len(r.Languages), maxLanguages)
	}
	for _, l := range r.Languages {
		if !language.MatchString(l) {
			bad("the language %q is not a code such as en or zh", l)
		}
	}
	return problems
}

// setReader adds a reader or replaces one.
func (s *Server) setReader(w http.ResponseWriter, r *http.Request) {
	var reader topics.Reader
	if !readJSON(w, r, &reader, false) {
		return
	}
	id := r.PathValue("id")
	if reader.ID != "" && reader.ID != id {
		views.WriteProblem(w, http.StatusBadRequest, fmt.Sprintf("the body is of reader %q, the path of %q", reader.ID, id))
		return
	}
	reader.ID = id
	if problems := CheckReader(&reader); len(problems) > 0 {
		views.WriteProblem(w, http.StatusBadRequest, strings.Join(problems, "; "))
		return
	}
	if reader.Interests == nil {
		reader.Interests = []topics.Interest{}
	}
	n, found := 0, false
	rows, failed := s.readers.Range("", "")
	for key := range rows {
		n++
		found = found || key == id
	}
	if err := failed(); err != nil {
		s.fail(w, r, err)
		return
	}
	if !found && n >= maxReaders {
		views.WriteProblem(w, http.StatusConflict, fmt.Sprintf("there are %d readers already; remove some", n))
		return
	}
	if !s.emitted(w, r, s.putReader.Emit(r.Context(), id, reader)) {
		return
	}
	status := http.StatusOK
	if !found {
		status = http.StatusCreated
	}
	views.WriteJSON(w, status, reader)
}

func (s *Server) removeReader(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if _, found, err := s.readers.Get(id); err != nil {
		s.fail(w, r, err)
		return
	} else if !found {
		views.WriteProblem(w, http.StatusNotFound, fmt.Sprintf("there is no reader %q", id))
		return
	}
	if s.emitted(w, r, s.unmark(r.Context(), id)) && s.emitted(w, r, s.putReader.Delete(r.Context(), id)) {
		w.WriteHeader(http.StatusNoContent)
	}
}
