package soak

import (
	"encoding/xml"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
)

// clock is advanced by the test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// fault is what a feed's server does instead of answering.
type fault int

const (
	none fault = iota
	error500
	hangs // says nothing until the client goes
	cuts  // closes the connection in the middle of the document
)

const (
	feedCount = 12
	extra     = feedCount // a feed that is subscribed to and removed over HTTP
	onPage    = 20        // items in a document: so many hours may be missed
)

// publisher serves feeds that have a new item every hour by the clock, each at
// a minute of its own.
type publisher struct {
	*httptest.Server
	clock *clock
	began time.Time

	mu       sync.Mutex
	faults   map[int]fault
	served   map[string]bool // canonical links in documents that were sent whole
	requests map[string]int  // by how they were answered
	running  map[fault]int   // requests
}

func startPublisher(t *testing.T, c *clock) *publisher {
	p := &publisher{clock: c, began: c.Now(), faults: map[int]fault{}, served: map[string]bool{}, requests: map[string]int{}, running: map[fault]int{}}
	p.Server = httptest.NewUnstartedServer(p)
	// Connections that are kept for a while would blur the count of goroutines.
	p.Config.SetKeepAlivesEnabled(false)
	p.Start()
	t.Cleanup(p.Close)
	return p
}

func (p *publisher) link(n, hour int) string { return fmt.Sprintf("%s/story/%d/%d", p.URL, n, hour) }

func (p *publisher) feed(n int) string { return fmt.Sprintf("%s/feed/%d", p.URL, n) }

func (p *publisher) setFaults(f map[int]fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = f
}

// busy counts the requests that are being answered, those that hang if asked to.
func (p *publisher) busy(hanging bool) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for f, k := range p.running {
		if f != hangs || hanging {
			n += k
		}
	}
	return n
}

func (p *publisher) links() map[string]bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.served)
}

func (p *publisher) enter(n int) fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.faults[n]
	p.running[f]++
	return f
}

// leave notes how a request was answered.
func (p *publisher) leave(f fault, how string, items []item) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running[f]--
	p.requests[how]++
	for _, i := range items {
		p.served[clean.Canonical(i.Link)] = true
	}
}

func (p *publisher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var n int
	if _, err := fmt.Sscanf(r.URL.Path, "/feed/%d", &n); err != nil {
		http.NotFound(w, r)
		return
	}
	f := p.enter(n)
	how, sent := "", []item(nil)
	defer func() { p.leave(f, how, sent) }()
	items, etag := p.items(n)
	doc := document(n, items)
	switch {
	case f == error500:
		how = "500"
		http.Error(w, "out of order", http.StatusInternalServerError)
	case f == hangs:
		how = "no answer"
		<-r.Context().Done()
	case f == cuts:
		how = "cut off"
		w.Header().Set("Content-Length", fmt.Sprint(len(doc)))
		_, _ = w.Write(doc[:len(doc)/2])
		panic(http.ErrAbortHandler)
	case r.Header.Get("If-None-Match") == etag:
		how = "304"
		w.Header().Set("ETag", etag)
		w.WriteHeader(http.StatusNotModified)
	default:
		how = "200"
		w.Header().Set("ETag", etag)
		w.Header().Set("Content-Type", "application/rss+xml")
		w.Header().Set("Content-Length", fmt.Sprint(len(doc)))
		if _, err := w.Write(doc); err == nil {
			sent = items
		}
	}
}

// items are those in a feed's document now, newest first.
func (p *publisher) items(n int) (list []item, etag string) {
	first := p.began.Add(time.Duration(n*5) * time.Minute)
	last := int(p.clock.Now().Sub(first) / time.Hour)
	if p.clock.Now().Before(first) {
		last = -1
	}
	for k := last; k >= 0 && k > last-onPage; k-- {
		list = append(list, p.item(n, k, first.Add(time.Duration(k)*time.Hour)))
	}
	return list, fmt.Sprintf(`"%d"`, last)
}

type item struct {
	Title   string `xml:"title"`
	Link    string `xml:"link"`
	Text    string `xml:"description"`
	PubDate string `xml:"pubDate"`
}

// item is a feed's item of an hour. Every third one of feed 1 is a copy of
// feed 0's.
func (p *publisher) item(n, hour int, at time.Time) item {
	i := item{Link: p.link(n, hour), PubDate: at.Format(time.RFC1123Z)}
	if n == 1 && hour%3 == 0 {
		n = 0
	}
	i.Title, i.Text = story(n, hour)
	return i
}

func document(n int, items []item) []byte {
	doc := struct {
		XMLName xml.Name `xml:"rss"`
		Version string   `xml:"version,attr"`
		Title   string   `xml:"channel>title"`
		Link    string   `xml:"channel>link"`
		Items   []item   `xml:"channel>item"`
	}{Version: "2.0", Title: fmt.Sprintf("Feed %d", n), Link: "https://feeds.example/", Items: items}
	b, err := xml.Marshal(doc)
	if err != nil {
		panic(err) // of strings
	}
	return b
}

// subjects are what stories are about and readers are interested in.
var subjects = [][]string{
	strings.Fields("ocean reef coral whale tide harbour fishing current plankton island"),
	strings.Fields("rocket orbit satellite telescope planet comet astronaut launch moon galaxy"),
	strings.Fields("football goal striker league referee stadium coach penalty keeper derby"),
	strings.Fields("kernel compiler memory scheduler driver patch release bug database cache"),
	strings.Fields("election parliament minister coalition ballot senate treaty budget reform debate"),
	strings.Fields("recipe oven butter garlic pepper soup bread flour roast salad"),
}

var filler = strings.Fields(`the a of in with after before between during under over new old long short early late first last next
	people city group team report study week month year morning evening plan result question answer problem change number
	said found made showed gave took began ended opened closed returned reached moved turned held kept lost won`)

// story is a text that no other resembles.
func story(n, hour int) (title, text string) {
	r := rand.New(rand.NewPCG(uint64(n), uint64(hour)))
	subject := subjects[(n+hour)%len(subjects)]
	name := func() string {
		syllables := strings.Fields("ba ke lo mi nu ra se to vi zu dra gli por ten war")
		s := ""
		for range 3 {
			s += syllables[r.IntN(len(syllables))]
		}
		return s
	}
	words := func(count int) []string {
		var list []string
		for range count {
			switch r.IntN(4) {
			case 0:
				list = append(list, subject[r.IntN(len(subject))])
			case 1:
				list = append(list, name())
			default:
				list = append(list, filler[r.IntN(len(filler))])
			}
		}
		return list
	}
	title = strings.Join(append([]string{subject[r.IntN(len(subject))], name(), name()}, words(4)...), " ")
	return title, strings.Join(words(90), " ") + "."
}
