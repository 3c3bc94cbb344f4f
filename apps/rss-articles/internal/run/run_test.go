package run

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/embedded"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"),
		goleak.IgnoreTopFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"))
}

func TestReadSources(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	opmlFile := write("a.opml", `<?xml version="1.0"?><opml version="2.0"><body><outline text="A" type="rss" xmlUrl="https://a.example/feed"/>
		<outline text="B" type="rss" xmlUrl="https://b.example/feed"/></body></opml>`)
	lines := write("list.txt", "# mine\n\nhttps://c.example/feed\n  https://a.example/feed \n")
	feed := write("news.xml", `<rss version="2.0"><channel><title>x</title></channel></rss>`)
	got, err := readSources([]string{"https://A.example/feed", opmlFile, lines, feed})
	if err != nil {
		t.Fatal(err)
	}
	var urls []string
	for _, s := range got {
		urls = append(urls, s.URL)
		if s.File != strings.HasPrefix(s.URL, "file:") {
			t.Errorf("%+v", s)
		}
	}
	if want := "https://a.example/feed https://b.example/feed https://c.example/feed file://" + filepath.ToSlash(feed); strings.Join(urls, " ") != want {
		t.Errorf("sources %v, want %s", urls, want)
	}
	bad := []string{"ftp://x.example/", filepath.Join(dir, "none"), write("bad.txt", "https://ok.example/\nnonsense\n"),
		write("empty.opml", `<opml version="2.0"><body></body></opml>`), write("empty.txt", "")}
	_, err = readSources(bad)
	for _, v := range bad {
		if err == nil || !strings.Contains(err.Error(), v) {
			t.Errorf("nothing is said of %s: %v", v, err)
		}
	}
}

// Everything that is wrong with a configuration is said at once.
func TestConfigIsChecked(t *testing.T) {
	c := Config{Brokers: []string{"nohost"}, HTTP: "8080", Processors: []string{"dedup", "fetch"}, Interval: time.Millisecond,
		State: t.TempDir(), Logger: slog.New(slog.DiscardHandler)}
	err := Run(t.Context(), c)
	for _, want := range []string{`"nohost"`, `"8080"`, `"dedup"`, "dedupe", "1ms"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}

// What is said stands in docs/rss-articles.md, word for word.
// With the caches of package pipeline all of the tables would be in memory.
func TestCachesAreSmall(t *testing.T) {
	if got := (Config{}).withDefaults().Kafka.CacheBytes; got != CacheBytes {
		t.Errorf("by default %d bytes", got)
	}
	if got := (Config{Kafka: pipeline.Config{CacheBytes: 5}}).withDefaults().Kafka.CacheBytes; got != 5 {
		t.Errorf("of 5 bytes there are %d", got)
	}
}

func TestWhatIsInTheWay(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	text, err := os.ReadFile("../../../../docs/rss-articles.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := func(t *testing.T, what string, err error, replaced ...string) {
		t.Helper()
		if err == nil {
			t.Errorf("%s: no error", what)
		} else if row := "| " + what + " | `" + strings.NewReplacer(replaced...).Replace(err.Error()) + "` |"; !strings.Contains(string(text), row) {
			t.Errorf("docs/rss-articles.md lacks the row\n%s", row)
		}
	}
	t.Run("the folder is in use", func(t *testing.T) {
		dir := t.TempDir()
		s, err := openState(dir)
		if err != nil {
			t.Fatal(err)
		}
		err = Run(t.Context(), Config{State: dir, HTTP: "127.0.0.1:0", Logger: quiet})
		var locked *LockedError
		if !errors.As(err, &locked) || locked.PID != os.Getpid() || !strings.Contains(err.Error(), "-state") {
			t.Errorf("the error is %v", err)
		}
		documented(t, "state folder in use", err, dir, "millrace-state", strconv.Itoa(os.Getpid()), "15119")
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("the folder cannot be made", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		documented(t, "state folder that cannot be made", Run(t.Context(), Config{State: filepath.Join(file, "x"), Logger: quiet}), file, "/file")
	})
	t.Run("the folder cannot be written to", func(t *testing.T) {
		// As root one can, so the way to the file is closed otherwise.
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "lock"), 0o755); err != nil {
			t.Fatal(err)
		}
		err := Run(t.Context(), Config{State: dir, Logger: quiet})
		if err == nil || !strings.Contains(err.Error(), "state folder "+dir+" cannot be used: ") || !strings.Contains(err.Error(), "make it writable, or name another with -state") {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("the port is taken", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		dir := t.TempDir()
		documented(t, "port taken", Run(t.Context(), Config{State: dir, HTTP: l.Addr().String(), Logger: quiet}), l.Addr().String(), "127.0.0.1:8080")
		if _, err := os.Stat(filepath.Join(dir, "broker")); !errors.Is(err, os.ErrNotExist) {
			t.Error("the broker was started all the same")
		}
	})
	t.Run("no broker", func(t *testing.T) {
		// It says so and goes on trying for a while: a cluster may come later than the app.
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
		defer cancel()
		said := ending{"127.0.0.1:1", cancel}
		err := Run(ctx, Config{State: t.TempDir(), HTTP: "127.0.0.1:0", Brokers: []string{"127.0.0.1:1"},
			Logger: slog.New(slog.NewTextHandler(said, &slog.HandlerOptions{Level: slog.LevelWarn}))})
		if err != nil || !errors.Is(ctx.Err(), context.Canceled) {
			t.Errorf("the error is %v, the wait ended by %v", err, ctx.Err())
		}
	})
	t.Run("stopped at once", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		err := Run(ctx, Config{State: t.TempDir(), HTTP: "127.0.0.1:0", Logger: quiet, Started: func(string) { cancel() }})
		if err != nil {
			t.Errorf("the error is %v", err)
		}
	})
}

// Parts stop in the reverse order of their start, and one that fails ends all.
func TestParts(t *testing.T) {
	p := newParts(t.Context())
	var order []string
	for _, name := range []string{"first", "second"} {
		p.closer(name, func() error { order = append(order, name); return nil })
	}
	boom := errors.New("boom")
	p.start("third", func(context.Context) error { return boom })
	<-p.ctx.Done()
	if err := p.stop(); !errors.Is(err, boom) || !strings.HasPrefix(err.Error(), "third: ") {
		t.Errorf("the error is %v", err)
	}
	if strings.Join(order, " ") != "second first" {
		t.Errorf("stopped in the order %v", order)
	}
}

// Two processes share the work: one has the page and the fetcher, the other
// the processors.
func TestTwoProcesses(t *testing.T) {
	b, err := embedded.Start(t.Context(), embedded.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended, ready := make(chan error, 2), make(chan string, 2)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	for _, processors := range [][]string{{Fetcher}, Topology().Processors()} {
		c := Config{Brokers: b.Addresses(), State: t.TempDir(), HTTP: "127.0.0.1:0", Processors: processors, Logger: log, Ready: func(url string) { ready <- url }}
		go func() { ended <- Run(ctx, c) }()
	}
	var urls []string
	for range 2 {
		select {
		case url := <-ready:
			urls = append(urls, url)
			if m := get(t, url+"/metrics"); !strings.Contains(m, `rss_articles_ignored_clicks_total{reason="unknown-reader"} 0`) {
				t.Errorf("the metrics lack the clicks that are left out:\n%s", m)
			}
		case err := <-ended:
			t.Errorf("a process ended: %v", err)
			ended <- nil
		case <-time.After(90 * time.Second):
			t.Error("not ready")
		}
	}
	if !t.Failed() {
		checkDashboard(t, urls)
	}
	cancel()
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// ending is a log that ends something at a word.
type ending struct {
	word string
	end  func()
}

func (e ending) Write(p []byte) (int, error) {
	if strings.Contains(string(p), e.word) {
		e.end()
	}
	return len(p), nil
}
