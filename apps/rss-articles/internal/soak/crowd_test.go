package soak

import (
	"encoding/xml"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

// crowd is many feeds that nobody keeps in memory: what feed n has at a moment
// follows from the two, so that the test knows what a server in another process
// answers.
type crowd struct {
	began time.Time // of the day; feeds have items from before
}

// How the feeds of a crowd behave; each kind of trouble is one feed in a hundred.
const (
	perPage   = 3  // items in a document
	platforms = 20 // hosts that many feeds share
	inTrouble = 100
)

// trouble is what a feed's server does at times.
type trouble int

const (
	fine    trouble = iota
	fails           // 500 for three hours
	retires         // 410 from noon on
	moves           // 301 to another address, from the beginning
	busy            // 429 with Retry-After for an hour
	breaks          // ends in the middle of the document for an hour
	silent          // says nothing for an hour
)

func (c crowd) trouble(n int) trouble {
	return map[int]trouble{7: fails, 13: retires, 21: moves, 33: busy, 41: breaks, 55: silent}[n%inTrouble]
}

// now says whether the trouble is there at a moment.
func (t trouble) now(since time.Duration) bool {
	hour := int(since / time.Hour)
	switch t {
	case fails:
		return hour >= 6 && hour < 9
	case retires:
		return hour >= 12
	case moves:
		return true
	case busy:
		return hour == 3
	case breaks:
		return hour == 8
	case silent:
		return hour == 10
	}
	return false
}

// host is a feed's: of ten feeds six have one of their own, the others share
// those of the platforms.
func (c crowd) host(n int) string {
	if n%10 < 6 {
		return fmt.Sprintf("feed-%d.example", n)
	}
	return fmt.Sprintf("platform-%d.example", n/10%platforms)
}

func (c crowd) feed(n int) string { return fmt.Sprintf("http://%s/feed/%d", c.host(n), n) }

// every is the time between two items of a feed: of fifty feeds one has a
// hundred a day, three have twenty, sixteen three, thirty one in two days.
func (c crowd) every(n int) time.Duration {
	switch k := n * 7 % 50; {
	case k < 1:
		return 24 * time.Hour / 100
	case k < 4:
		return 24 * time.Hour / 20
	case k < 20:
		return 24 * time.Hour / 3
	}
	return 48 * time.Hour
}

// at is when the k-th item of a feed comes; those from before the day have
// numbers below 0.
func (c crowd) at(n, k int) time.Time {
	every := c.every(n)
	return c.began.Add(every*time.Duration(n%97)/97 + every*time.Duration(k))
}

// newest is the number of a feed's newest item at a moment.
func (c crowd) newest(n int, now time.Time) int {
	since, every := now.Sub(c.at(n, 0)), c.every(n)
	k := int(since / every)
	if since < 0 {
		k--
	}
	return k
}

// items are those in a feed's document at a moment, newest first.
func (c crowd) items(n int, now time.Time) (list []item) {
	last := c.newest(n, now)
	for k := last; k > last-perPage; k-- {
		list = append(list, c.item(n, k, now))
	}
	return list
}

// item is the k-th of a feed. Of a hundred fifteen are an agency's, with the
// feed's own first words, and two get another title after two hours.
func (c crowd) item(n, k int, now time.Time) item {
	at := c.at(n, k)
	i := item{Link: c.link(n, k), PubDate: at.Format(time.RFC1123Z)}
	kind, a, b := c.source(n, k)
	i.Title, i.Text = c.story(kind, a, b)
	if kind == "agency" {
		i.Text = fmt.Sprintf("%s (Agency). %s", c.host(n), i.Text)
	}
	if draw("title", n, k)%100 < 2 && now.Sub(at) > 2*time.Hour {
		i.Title = "Updated: " + i.Title
	}
	return i
}

// source says which story the k-th item of a feed tells.
func (c crowd) source(n, k int) (kind string, a, b int) {
	h := draw("item", n, k)
	if h%100 < 15 {
		return "agency", int(c.at(n, k).Unix() / int64((20*time.Minute)/time.Second)), int(h / 100 % 4)
	}
	return "own", n, k
}

func (c crowd) link(n, k int) string { return fmt.Sprintf("http://%s/story/%d/%d", c.host(n), n, k) }

// subjects of a crowd: what a reader wants is in one story of some hundreds.
const themes = 400

// theme are the words that the stories of a subject have.
func theme(n int) []string {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	words := make([]string, 10)
	for i := range words {
		words[i] = word(r, 4)
	}
	return words
}

// word is made of syllables.
func word(r *rand.Rand, syllables int) string {
	s := ""
	for range syllables {
		s += string("bcdfghjklmnprstvwz"[r.IntN(18)]) + string("aeiou"[r.IntN(5)])
	}
	return s
}

// story is a text that no other resembles: words of its subject, names, and
// what all texts have.
func (c crowd) story(kind string, a, b int) (title, text string) {
	h := draw(kind, a, b)
	r := rand.New(rand.NewPCG(h, 2))
	subject := theme(int(h % themes))
	words := func(count int) string {
		list := make([]string, count)
		for i := range list {
			switch r.IntN(6) {
			case 0, 1:
				list[i] = subject[r.IntN(len(subject))]
			case 2:
				list[i] = word(r, 3)
			case 3, 4: // of some thousands, a few of which are frequent
				list[i] = word(rand.New(rand.NewPCG(uint64(5000*math.Pow(r.Float64(), 3)), 3)), 3)
			default:
				list[i] = filler[r.IntN(len(filler))]
			}
		}
		return strings.Join(list, " ")
	}
	return subject[r.IntN(len(subject))] + " " + word(r, 3) + " " + words(5), words(60) + "."
}

// draw is a number that looks random and is always the same.
func draw(kind string, a, b int) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s/%d/%d", kind, a, b)
	return h.Sum64()
}

// document is a feed's at a moment: RSS, or Atom for one in three.
func (c crowd) document(n int, now time.Time) ([]byte, error) {
	items := c.items(n, now)
	if n%3 > 0 {
		return document(n, items), nil
	}
	type entry struct {
		ID    string `xml:"id"`
		Title string `xml:"title"`
		Link  struct {
			Href string `xml:"href,attr"`
		} `xml:"link"`
		Published string `xml:"published"`
		Content   string `xml:"content"`
	}
	doc := struct {
		XMLName xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
		Title   string   `xml:"title"`
		Entries []entry  `xml:"entry"`
	}{Title: fmt.Sprintf("Feed %d", n)}
	for _, i := range items {
		at, err := time.Parse(time.RFC1123Z, i.PubDate)
		if err != nil {
			return nil, err
		}
		e := entry{ID: i.Link, Title: i.Title, Published: at.Format(time.RFC3339), Content: i.Text}
		e.Link.Href = i.Link
		doc.Entries = append(doc.Entries, e)
	}
	return xml.Marshal(doc)
}
