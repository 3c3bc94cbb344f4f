package search

import (
	"strings"
	"sync"
	"time"
)

// Bounds of what is kept of an article.
const (
	maxWords = 600 // of title and text together
	maxTitle = 60  // of these
	maxWord  = 24  // bytes
)

// Document is what can be found.
type Document struct {
	ID    string
	Title string
	Text  string
	Lang  string // ISO 639-1, "" if not known
	At    time.Time
}

// Index is an index of documents. It costs about 4 bytes for each word of a
// document and 4 for each of its different words, so some 15 MB for 5,000
// articles of average length. It is safe for concurrent use; make it with New.
type Index struct {
	mu      sync.RWMutex
	numbers map[string]uint32 // of terms
	terms   []string          // by number
	lists   [][]uint32        // by term: the places of documents in docs, rising
	docs    []entry           // in the order in which they came
	places  map[string]int    // by ID
	dead    int               // documents in docs that were replaced or removed
	words   int               // of all living documents
	newest  time.Time
}

// entry is a document as numbers of terms: those of the title first.
type entry struct {
	id    string
	at    time.Time
	words []uint32
	title int    // how many of them
	lang  string // whose stems they are
	dead  bool
}

// New returns an empty index.
func New() *Index {
	return &Index{numbers: map[string]uint32{}, places: map[string]int{}}
}

// Put adds or replaces a document.
func (x *Index) Put(d Document) {
	title := words(d.Title, d.Lang, maxTitle)
	all := append(title, words(d.Text, d.Lang, maxWords-len(title))...)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.remove(d.ID)
	e := entry{id: d.ID, at: d.At, title: len(title), lang: strings.Clone(d.Lang), words: make([]uint32, len(all))}
	for i, w := range all {
		e.words[i] = x.number(w)
	}
	x.add(e)
}

// add puts an entry at the end.
func (x *Index) add(e entry) {
	place := uint32(len(x.docs))
	x.docs = append(x.docs, e)
	x.places[e.id] = int(place)
	x.words += len(e.words)
	if e.at.After(x.newest) {
		x.newest = e.at
	}
	for _, n := range e.words {
		if l := x.lists[n]; len(l) == 0 || l[len(l)-1] != place {
			x.lists[n] = append(l, place)
		}
	}
}

func (x *Index) number(term string) uint32 {
	n, ok := x.numbers[term]
	if !ok {
		n = uint32(len(x.terms))
		x.numbers[term] = n
		x.terms = append(x.terms, term)
		x.lists = append(x.lists, nil)
	}
	return n
}

// Remove takes a document out. One that is not there is nothing to do.
func (x *Index) Remove(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.remove(id)
}

func (x *Index) remove(id string) {
	place, ok := x.places[id]
	if !ok {
		return
	}
	delete(x.places, id)
	x.words -= len(x.docs[place].words)
	x.docs[place] = entry{dead: true}
	if x.dead++; x.dead > 256 && x.dead > len(x.places)/2 {
		x.compact()
	}
}

// compact makes the index anew of the documents that live.
func (x *Index) compact() {
	docs, terms := x.docs, x.terms
	x.numbers, x.terms, x.lists, x.docs, x.places = map[string]uint32{}, nil, nil, nil, map[string]int{}
	x.dead, x.words, x.newest = 0, 0, time.Time{}
	for _, e := range docs {
		if e.dead {
			continue
		}
		for i, n := range e.words {
			e.words[i] = x.number(terms[n])
		}
		x.add(e)
	}
}

// Len returns the number of documents.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.places)
}
