package eval_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/apps/rss-articles/internal/eval"
)

func TestMain(m *testing.M) {
	// The Kafka client of goka starts it once, for good.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

// figures decodes one line of output.
func figures[T any](t *testing.T, run func(context.Context, []io.Reader, io.Writer) error, in ...io.Reader) (out []T) {
	t.Helper()
	var b bytes.Buffer
	if err := run(t.Context(), in, &b); err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(&b); ; {
		var f T
		if err := d.Decode(&f); errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			t.Fatal(err)
		}
		out = append(out, f)
	}
}

func zipped(s string) io.Reader {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(s))
	_ = z.Close()
	return &b
}

func TestDedupe(t *testing.T) {
	const title = "Parliament passes the budget after a night of debate"
	in := fmt.Sprintf(`{"set":"s","id":"1","cluster":"x","title":%q,"text":"","url":"https://a.invalid/1"}
{"set":"s","id":"2","cluster":"x","title":%q,"text":"","url":"https://b.invalid/1"}
{"set":"s","id":"3","cluster":"y","title":"Volcano erupts on an island in the north","text":""}
{"set":"s","id":"4","cluster":"y","title":"Island evacuated","text":""}
`, title, title)
	pairs := fmt.Sprintf(`{"set":"p","id":"1","a":%q,"b":%q,"label":1}
{"set":"p","id":"2","a":%q,"b":"Something else happened in quite another town","label":0}
{"set":"p","id":"3","a":%q,"b":%q,"score":2.5}
`, title, title, title, title, title)
	got := figures[eval.DedupeFigures](t, eval.Dedupe, zipped(in), strings.NewReader(pairs))
	if len(got) != 2 {
		t.Fatalf("%d lines, want 2", len(got))
	}
	if f := got[0]; f.Set != "s" || f.Documents != 4 || f.Same != 2 || f.Merged != 1 || f.Right != 1 || f.Precision != 1 || f.Recall != 0.5 {
		t.Errorf("clusters: %+v", f)
	}
	if f := got[1]; f.Set != "p" || f.Same != 1 || f.Different != 2 || f.Merged != 2 || f.Right != 1 || f.WrongRate != 0.5 {
		t.Errorf("pairs: %+v", f)
	}
}

// Pairs are days apart and go through many partitions at once: whichever is
// ahead of the others, each pair is found, though many bands tell its two apart.
func TestDedupeFindsEachPair(t *testing.T) {
	const pairs = 500
	r := rand.New(rand.NewPCG(1, 1))
	var in strings.Builder
	for range pairs {
		text := make([]string, 80)
		for i := range text {
			text[i] = fmt.Sprintf("word%d", r.IntN(5000))
		}
		a := strings.Join(text, " ")
		for range 4 {
			text[r.IntN(len(text))] = "edited"
		}
		fmt.Fprintf(&in, "{\"set\":\"p\",\"a\":%q,\"b\":%q,\"label\":1}\n", "\n"+a, "\n"+strings.Join(text, " "))
	}
	got := figures[eval.DedupeFigures](t, eval.Dedupe, strings.NewReader(in.String()))
	if len(got) != 1 || got[0].Same != pairs || got[0].Right != pairs {
		t.Errorf("got %+v, want all of %d pairs", got, pairs)
	}
}

func TestMatch(t *testing.T) {
	var b strings.Builder
	for i := range 60 {
		fmt.Fprintf(&b, `{"set":"s","id":"%d","label":"ball","title":"The team won match x%dx by a goal","text":""}`+"\n", i, i)
		fmt.Fprintf(&b, `{"set":"s","id":"m%d","label":"money","title":"Bank says share y%dy rose on the market","text":""}`+"\n", i, i)
	}
	got := figures[eval.MatchFigures](t, eval.Match, strings.NewReader(b.String()))
	if len(got) != 1 || got[0].Topics != 2 || got[0].Readers != 40 || got[0].Precision != 1 || got[0].Baselines["random"] > 0.5 {
		t.Errorf("%+v", got)
	}
}

func TestClicks(t *testing.T) {
	const clicks = "timestamp,eventType,personId,contentId\n30,VIEW,ann,1\n10,VIEW,ann,2\n20,LIKE,bob,2\n40,VIEW,bob,3\n"
	const docs = `{"set":"s","id":"1","title":"Bank raises rates","text":""}
{"set":"s","id":"2","title":"Bank lowers rates","text":""}
`
	for name, c := range map[string]struct {
		most, clicks, readers, articles int
	}{"all": {0, 4, 2, 3}, "some": {2, 2, 2, 1}} {
		var b bytes.Buffer
		if err := eval.Clicks(t.Context(), []byte(clicks), []io.Reader{strings.NewReader(docs)}, c.most, &b); err != nil {
			t.Fatal(err)
		}
		var f eval.ClickFigures
		if err := json.Unmarshal(b.Bytes(), &f); err != nil {
			t.Fatal(err)
		}
		if f.Clicks != c.clicks || f.Readers != c.readers || f.Articles != c.articles || f.PerSecond <= 0 ||
			f.State["profiles"].Rows != c.readers || f.State["index.articles"].Rows != c.articles || f.Bytes == 0 {
			t.Errorf("%s: %+v", name, f)
		}
		if c.most == 0 && (f.State["recommendations"].Rows != 2 || f.State["shelve.candidates"].Bytes == 0 || f.Span == "") {
			t.Errorf("%s: %+v", name, f)
		}
	}
	for in, want := range map[string]string{
		"": "EOF", "a,b\n": "timestamp", "PK": "zip", "timestamp,eventType,personId,contentId\nx,VIEW,1,2\n": "line 2",
		"timestamp,eventType,personId,contentId\n": "0 clicks",
	} {
		if err := eval.Clicks(t.Context(), []byte(in), []io.Reader{strings.NewReader(docs)}, 0, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

func TestCrowd(t *testing.T) {
	var b bytes.Buffer
	if err := eval.Crowd(t.Context(), []int{20}, 100, &b); err != nil {
		t.Fatal(err)
	}
	var f eval.CrowdFigures
	if err := json.Unmarshal(b.Bytes(), &f); err != nil {
		t.Fatal(err)
	}
	if f.Readers != 20 || f.Recommendations != 20*50 || f.PerArticle <= 0 { // full shelves
		t.Errorf("%+v", f)
	}
}

func TestBadInput(t *testing.T) {
	for _, in := range []string{"{", "\x1f\x8b garbage", `{"set":1}`} {
		for _, run := range []func(context.Context, []io.Reader, io.Writer) error{eval.Dedupe, eval.Match} {
			if err := run(t.Context(), []io.Reader{strings.NewReader(in)}, io.Discard); err == nil || !strings.Contains(err.Error(), "file 1") {
				t.Errorf("%q: %v", in, err)
			}
		}
	}
}

// TestSharedData prints the figures of the shared data: go test -run SharedData
// -v. It takes minutes, so it is run by name only.
func TestSharedData(t *testing.T) {
	dir := os.Getenv("MILLRACE_EVAL")
	if dir == "" {
		t.Skip("MILLRACE_EVAL is not set: set it to a folder of labelled data to measure, which takes minutes")
	}
	for name, run := range map[string]func(context.Context, []io.Reader, io.Writer) error{
		"clusters*": eval.Dedupe, "pairs*": eval.Dedupe, "topics*": eval.Match,
	} {
		files, _ := filepath.Glob(filepath.Join(dir, name))
		for _, path := range files {
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := run(t.Context(), []io.Reader{f}, os.Stderr); err != nil {
				t.Error(err)
			}
			_ = f.Close()
		}
	}
}
