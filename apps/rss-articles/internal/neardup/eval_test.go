package neardup_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/neardup"
)

type record struct {
	Set, ID, Cluster, Title, Text, URL, Source, Lang string
	A, B                                             string
	Label                                            int
	Score                                            float64
}

// labels reads one file of labelled data, or skips the test.
func labels(t *testing.T, name string) []record {
	t.Helper()
	dir := os.Getenv("MILLRACE_TESTDATA")
	if dir == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("MILLRACE_TESTDATA is not set: it must name the folder of the shared test data")
		}
		t.Skip("MILLRACE_TESTDATA is not set: set it to the folder of the shared test data to measure")
	}
	f, err := os.Open(filepath.Join(dir, "labels", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var out []record
	s := bufio.NewScanner(z)
	s.Buffer(nil, 1<<24)
	for s.Scan() {
		var r record
		if err := json.Unmarshal(s.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// host stands for the registrable domain.
func host(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(u.Host, "www.")
}

// identity stands for the canonical URL.
func identity(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return ""
	}
	u.Fragment = ""
	u.Scheme = ""
	u.Host = strings.TrimPrefix(u.Host, "www.")
	u.Path = strings.TrimSuffix(u.Path, "/")
	return u.String()
}

// TestClusters measures the streaming steps on labelled clusters. A pair of
// documents counts as found if both have one representative.
func TestClusters(t *testing.T) {
	sets := map[string][]record{}
	for _, r := range labels(t, "clusters.dev.jsonl.gz") {
		sets[r.Set] = append(sets[r.Set], r)
	}
	measure := func(set string, byURL bool) (precision, recall float64, merged, same int) {
		docs := sets[set]
		items := make([]neardup.Item, 0, len(docs))
		first := map[string]string{} // canonical URL -> id
		exact := map[string]string{} // id -> id of the article with its URL
		for i, r := range docs {
			id := fmt.Sprint(i)
			if u := identity(r.URL); byURL && u != "" {
				if f, ok := first[u]; ok {
					exact[id] = f
					continue
				}
				first[u] = id
			}
			items = append(items, neardup.Item{
				Rank:     neardup.Rank{At: int64(i), ID: id},
				Document: neardup.Document{Title: r.Title, Text: r.Text, Source: host(r.URL)},
			})
		}
		reps := neardup.Representatives(neardup.Cluster(items, neardup.Window{Span: 72 * time.Hour, MaxEntries: 1 << 20}))
		for id, f := range exact {
			reps[id] = reps[f]
		}
		found, right := 0, 0
		rep := make([]string, len(docs)) // of each, looked up once and not for every pair
		for i := range docs {
			rep[i] = reps[fmt.Sprint(i)]
		}
		for i := range docs {
			for j := range i {
				is := docs[i].Cluster == docs[j].Cluster
				got := rep[i] == rep[j]
				if is {
					same++
				}
				if got {
					found++
				}
				if is && got {
					right++
				} else if (is || got) && set != "uci" && set != "wikiref" {
					t.Logf("%s: same %v, merged %v: %.60q | %.60q  ||  %.60q | %.60q", set, is, got, docs[i].Title, docs[j].Title, docs[i].Text, docs[j].Text)
				}
			}
		}
		precision, recall = 1, 1
		if found > 0 {
			precision = float64(right) / float64(found)
		}
		if same > 0 {
			recall = float64(right) / float64(same)
		}
		t.Logf("%-12s by URL too %-5v: %d documents, %d pairs, merged %d, of them right %d: precision %.4f, recall %.4f",
			set, byURL, len(docs), same, found, right, precision, recall)
		return precision, recall, right, same
	}

	measure("scoop", false)
	if p, r, _, _ := measure("scoop", true); p < 0.99 || r < 0.97 {
		t.Errorf("scoop: precision %.4f, recall %.4f, want 0.99 and 0.97", p, r)
	}
	if p, r, _, _ := measure("minhash2500", false); p < 1 || r < 1 {
		t.Errorf("minhash2500: precision %.4f, recall %.4f, want 1 and 1", p, r)
	}
	measure("wikiref", false)
	if _, _, merged, same := measure("uci", false); float64(merged) > 0.01*float64(same) {
		t.Errorf("uci: %d of %d pairs on the same story merged, want at most 1 %%", merged, same)
	}
}

// TestPairs measures the verification, and what the bands lose, on labelled
// pairs. The first line of a mined edit is its title; the others are single
// sentences, tried as titles and as texts.
func TestPairs(t *testing.T) {
	type count struct{ n, verified, met int }
	counts := map[string]*count{}
	sketcher := neardup.NewSketcher()
	for _, r := range labels(t, "pairs.dev.jsonl.gz") {
		type way struct {
			name string
			doc  func(string) neardup.Document
		}
		ways := []way{
			{"title", func(s string) neardup.Document { return neardup.Document{Title: s} }},
			{"text", func(s string) neardup.Document { return neardup.Document{Text: s} }},
		}
		name := r.Set
		switch {
		case r.Set == "mined-edit":
			ways = []way{{"title+text", func(s string) neardup.Document {
				title, text, _ := strings.Cut(s, "\n")
				return neardup.Document{Title: title, Text: text}
			}}}
		case r.Set == "msrp":
			name += fmt.Sprint(" ", r.Label)
		default:
			name += fmt.Sprint(" ", int(r.Score))
		}
		for _, w := range ways {
			a, ka := sketcher.Sketch(w.doc(r.A))
			b, kb := sketcher.Sketch(w.doc(r.B))
			dup, _ := neardup.Duplicate(a, b)
			met := false
			for _, k := range ka {
				for _, l := range kb {
					met = met || k == l
				}
			}
			names := []string{name + " as " + w.name}
			if r.Set == "mined-edit" {
				names = append(names, names[0]+" "+r.Lang)
			}
			for _, n := range names {
				c := counts[n]
				if c == nil {
					c = &count{}
					counts[n] = c
				}
				c.n++
				if dup {
					c.verified++
				}
				if dup && met {
					c.met++
				}
			}
		}
	}
	rate := func(name string) float64 {
		c := counts[name]
		return float64(c.met) / float64(c.n)
	}
	for n, c := range counts {
		t.Logf("%-32s %5d pairs: verified %.4f, with bands %.4f (%d)", n, c.n, float64(c.verified)/float64(c.n), rate(n), c.met)
	}
	if r := rate("mined-edit as title+text"); r < 0.90 {
		t.Errorf("mined-edit: recall %.4f, want 0.90", r)
	}
	for _, n := range []string{"msrp 0 as title", "msrp 0 as text"} {
		if r := rate(n); r > 0.01 {
			t.Errorf("%s: %.4f merged, want at most 0.01", n, r)
		}
	}
}
