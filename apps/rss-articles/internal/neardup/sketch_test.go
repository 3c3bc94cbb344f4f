package neardup_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/millrace/millrace/apps/rss-articles/internal/neardup"
)

func TestDuplicate(t *testing.T) {
	long := "The river rose overnight and flooded two villages in the valley before rescue teams arrived with boats, officials said on Tuesday morning. "
	long2 := "A summary of all that happened in the markets since yesterday, with the shares that moved most and why they did so. "
	tests := []struct {
		name string
		a, b neardup.Document
		want bool
	}{
		{"same title", neardup.Document{Title: "River floods two villages"}, neardup.Document{Title: "River Floods Two Villages"}, true},
		{"numbers differ", neardup.Document{Title: "Quake of magnitude 5.1 hits the coast of northern Chile early today"},
			neardup.Document{Title: "Quake of magnitude 5.8 hits the coast of northern Chile early today"}, false},
		{"short title with other texts", neardup.Document{Title: "Live", Text: long}, neardup.Document{Title: "Live", Text: long2}, false},
		{"retitled", neardup.Document{Title: "Villages under water", Text: long}, neardup.Document{Title: "Boats to the rescue", Text: long}, true},
		{"retitled, one source", neardup.Document{Title: "Villages under water", Text: long, Source: "x.org"},
			neardup.Document{Title: "Boats to the rescue", Text: long, Source: "x.org"}, false},
		{"column, one source", neardup.Document{Title: "What happened in the markets", Text: long, Source: "x.org"},
			neardup.Document{Title: "What happened in the markets", Text: long2, Source: "X.org"}, false},
		{"column, two sources", neardup.Document{Title: "What happened in the markets", Text: long, Source: "x.org"},
			neardup.Document{Title: "What happened in the markets", Text: long2, Source: "y.org"}, true},
		{"boilerplate text", neardup.Document{Title: "Villages under water", Text: "Read more"}, neardup.Document{Title: "Shares fall", Text: "Read more"}, false},
		{"ages and counts", neardup.Document{Title: "专题 河水上涨淹没两村 6小时前 4评论"}, neardup.Document{Title: "专题 河水上涨淹没两村 07-18 12评论"}, true},
		{"Chinese, other story", neardup.Document{Title: "河水上涨淹没两村"}, neardup.Document{Title: "股市上涨两家公司获利"}, false},
		{"empty", neardup.Document{}, neardup.Document{}, false},
		{"no words", neardup.Document{Title: "!!!"}, neardup.Document{Title: "!!!"}, false},
	}
	s := neardup.NewSketcher()
	for _, tt := range tests {
		a, _ := s.Sketch(tt.a)
		b, _ := s.Sketch(tt.b)
		got, score := neardup.Duplicate(a, b)
		if got != tt.want {
			t.Errorf("%s: %v, similarity %.2f", tt.name, got, score)
		}
		if back, score2 := neardup.Duplicate(b, a); back != got || score2 != score {
			t.Errorf("%s: not symmetric", tt.name)
		}
	}
}

// The sketch is a format: state on disk was made by earlier runs, elsewhere.
func TestSketchIsStable(t *testing.T) {
	sk, bands := neardup.NewSketcher().Sketch(neardup.Document{
		Title: "River floods 2 villages", Text: "The river rose overnight and flooded two villages", Source: "example.org",
	})
	got := fmt.Sprintf("%x %x %d %08x %s %s", sk.Title, sk.Text[:8], sk.Words, sk.Source, bands[0], bands[neardup.Bands-1])
	const want = "30b8134df1a25212 440e38042e97c89f 8 617d04af 1t0-c2d80fe055a43d15 1x9-90cda70c3a7925f7"
	if got != want {
		t.Errorf("got  %s\nwant %s\nchange sketchVersion together with the format", got, want)
	}
}

func FuzzSketch(f *testing.F) {
	f.Add("River floods two villages", "The river rose overnight", "x.org")
	f.Add("专题 6小时前", "\xff", "")
	s := neardup.NewSketcher()
	f.Fuzz(func(t *testing.T, title, text, source string) {
		sk, bands := s.Sketch(neardup.Document{Title: title, Text: text, Source: source})
		if len(bands) > neardup.Bands {
			t.Fatalf("%d bands", len(bands))
		}
		raw, err := json.Marshal(sk)
		if err != nil || len(raw) > 400 {
			t.Fatalf("sketch of %d bytes, error %v", len(raw), err)
		}
		if dup, _ := neardup.Duplicate(sk, sk); dup && len(bands) == 0 {
			t.Fatal("a document without bands has a duplicate")
		}
		// What comes from a table may be damaged.
		var bad neardup.Sketch
		if json.Unmarshal([]byte(text), &bad) == nil {
			neardup.Duplicate(sk, bad)
		}
		neardup.Duplicate(sk, neardup.Sketch{Version: sk.Version, Title: []byte(title), Text: []byte(text)})
	})
}

func ExampleDuplicate() {
	s := neardup.NewSketcher()
	a, _ := s.Sketch(neardup.Document{Title: "River floods two villages in the valley", Source: "a.example"})
	b, _ := s.Sketch(neardup.Document{Title: "River floods two villages in the valley | Daily News", Source: "b.example"})
	dup, score := neardup.Duplicate(a, b)
	fmt.Printf("%v %.2f\n", dup, score)
	// Output: true 0.76
}

func ExampleCluster() {
	decisions := neardup.Cluster([]neardup.Item{
		{Rank: neardup.Rank{At: 1, ID: "a"}, Document: neardup.Document{Title: "River floods two villages in the valley"}},
		{Rank: neardup.Rank{At: 2, ID: "b"}, Document: neardup.Document{Title: "Shares fall as the bank raises rates"}},
		{Rank: neardup.Rank{At: 3, ID: "c"}, Document: neardup.Document{Title: "River floods two villages in valley"}},
	}, neardup.Window{})
	for _, id := range []string{"a", "b", "c"} {
		if d := decisions[id]; d.Duplicate() {
			fmt.Println(id, "is a copy of", d.Match.Original.ID)
		} else {
			fmt.Println(id, "is unique")
		}
	}
	// Output:
	// a is unique
	// b is unique
	// c is a copy of a
}

func BenchmarkSketch(b *testing.B) {
	s := neardup.NewSketcher()
	text := strings.Repeat("The river rose overnight and flooded two villages in the valley before rescue teams arrived. ", 30)
	for b.Loop() {
		s.Sketch(neardup.Document{Title: "River floods two villages", Text: text})
	}
}

func BenchmarkDuplicate(b *testing.B) {
	s := neardup.NewSketcher()
	sk, _ := s.Sketch(neardup.Document{Title: "River floods two villages in the valley", Text: strings.Repeat("The river rose overnight and flooded. ", 30)})
	for b.Loop() {
		neardup.Duplicate(sk, sk)
	}
}

func BenchmarkBandAdd(b *testing.B) {
	s := neardup.NewSketcher()
	var state neardup.BandState
	for i := range 20 {
		sk, keys := s.Sketch(neardup.Document{Title: fmt.Sprint("River floods two villages in the valley of ", i)})
		state, _ = state.Add(neardup.Probes(neardup.Rank{At: int64(i), ID: fmt.Sprint(i)}, sk, keys)[0], neardup.Window{})
	}
	sk, keys := s.Sketch(neardup.Document{Title: "River floods two villages in the valley"})
	p := neardup.Probes(neardup.Rank{At: 100, ID: "x"}, sk, keys)[0]
	for b.Loop() {
		state.Add(p, neardup.Window{})
	}
}
