package eval

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/feed"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

// ClickFigures are what eval-clicks prints.
type ClickFigures struct {
	Clicks    int              `json:"clicks"`
	Readers   int              `json:"readers"`
	Articles  int              `json:"articles"`
	Span      string           `json:"span"` // of the clicks' times
	Seconds   float64          `json:"seconds"`
	PerSecond float64          `json:"clicks_per_second"`
	State     map[string]Stock `json:"state"`
	Bytes     int64            `json:"state_bytes"`
}

// Stock is the size of a table: its keys and values as they are stored.
type Stock struct {
	Rows  int   `json:"rows"`
	Bytes int64 `json:"bytes"`
}

// event is a click that was observed.
type event struct {
	at              time.Time
	reader, article string
	kind            topics.ClickKind
}

// maxClicks bounds the bytes of a file of clicks, unzipped.
const maxClicks = 256 << 20

// Clicks replays observed clicks through the matching stages, as a load: the
// first most of them, all if most is 0. clicks is a CSV file of timestamp (Unix
// seconds), eventType, contentId and personId, named in its first line, or a ZIP
// archive with one. Documents of the labelled files stand in for the texts, one
// for each contentId in turn. An article comes just before its first click. It
// writes ClickFigures as JSON.
func Clicks(ctx context.Context, clicks []byte, docs []io.Reader, most int, out io.Writer) error {
	events, err := readClicks(clicks)
	if err != nil {
		return err
	}
	sets, err := read(docs)
	if err != nil {
		return err
	}
	var texts []record
	for _, s := range sets {
		texts = append(texts, s.records...)
	}
	if len(texts) == 0 || len(events) == 0 {
		return fmt.Errorf("there are %d clicks and %d documents; both are needed", len(events), len(texts))
	}
	if most > 0 {
		events = events[:min(most, len(events))]
	}
	f := ClickFigures{Clicks: len(events), State: map[string]Stock{},
		Span: events[len(events)-1].at.Sub(events[0].at).Round(time.Hour).String()}
	var failed error
	err = pipelinetest.RunBounded(matchStages("eval-clicks"), func(d *pipelinetest.Driver) {
		r := replay{texts: texts, readers: map[string]bool{}, ids: map[string]string{}}
		began := time.Now()
		for part := range slices.Chunk(events, clicksAtOnce) {
			rows, clicks, err := r.records(part)
			if failed = cmp.Or(err, ctx.Err()); failed != nil {
				return
			}
			if len(rows) > 0 {
				d.Pipe(rows...)
			}
			d.Pipe(clicks...)
		}
		took := time.Since(began)
		f.Readers, f.Articles, f.Seconds = len(r.readers), len(r.ids), seconds(took)
		f.PerSecond = math.Round(float64(f.Clicks) / took.Seconds())
		for _, name := range matchTables {
			var s Stock
			for k, v := range pipelinetest.Rows(d, pipeline.NewTable(name, codec.Raw())) {
				s.Rows++
				s.Bytes += int64(len(k) + len(v))
			}
			f.State[name] = s
			f.Bytes += s.Bytes
		}
	}, steadyCommits)
	if err = cmp.Or(err, failed); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(f)
}

// clicksAtOnce are clicks that are sent together, after the readers and articles
// that are new with them: topics have no order among each other.
const clicksAtOnce = 4000

// replay turns events into records.
type replay struct {
	texts   []record
	readers map[string]bool
	ids     map[string]string // of articles, by contentId
}

// records gives the rows of readers and articles that are new, and the clicks.
func (r replay) records(events []event) (rows, clicks []pipeline.Record, err error) {
	for _, e := range events {
		if !r.readers[e.reader] {
			r.readers[e.reader] = true
			rows = append(rows, topics.Readers.Row(e.reader, topics.Reader{ID: e.reader}).At(e.at))
		}
		id, ok := r.ids[e.article]
		if !ok {
			d := r.texts[len(r.ids)%len(r.texts)]
			a, err := clean.Clean(clean.Raw{Feed: "https://feeds.invalid/clicks", Fetched: e.at,
				Item: feed.Item{Link: "https://docs.invalid/" + e.article, Title: d.Title, Summary: d.Text}})
			if err != nil {
				return nil, nil, fmt.Errorf("document %s of set %s: %w", d.ID, d.Set, err)
			}
			id = a.ID
			r.ids[e.article] = id
			rows = append(rows, topics.Articles.Row(id, topics.Entry{Article: a, FirstSeen: e.at}).At(e.at))
		}
		clicks = append(clicks, topics.Clicks.Record(e.reader, topics.Click{Reader: e.reader, Article: id, Kind: e.kind, At: e.at}).At(e.at))
	}
	return rows, clicks, nil
}

// matchTables are the tables of the matching stages, by name.
var matchTables = []string{"index.articles", "index.total", "relate.progress", "relate.samples", "relate.slots", "relate.model",
	"match.vectors", "match.descriptions", "profiles", "match.terms", "match.articles", "match.readers", "match.totals", "notify.vectors", "notify.waiting", "notify.ages", "learn.early", "learn.ages", "relate.training", "shelve.profiles",
	"shelve.candidates", "shelve.rarities", "shelve.due", "shelve.tastes", "shelve.counts", "shelve.ages", "recommendations"}

// readClicks reads the events, oldest first.
func readClicks(b []byte) ([]event, error) {
	if bytes.HasPrefix(b, []byte("PK")) {
		z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return nil, fmt.Errorf("clicks: %w", err)
		}
		if len(z.File) != 1 {
			return nil, fmt.Errorf("clicks: the archive has %d files, want one", len(z.File))
		}
		f, err := z.File[0].Open()
		if err != nil {
			return nil, fmt.Errorf("clicks: %w", err)
		}
		b, err = io.ReadAll(io.LimitReader(f, maxClicks))
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("clicks: %w", err)
		}
	}
	lines := csv.NewReader(bytes.NewReader(b))
	lines.ReuseRecord = true
	head, err := lines.Read()
	if err != nil {
		return nil, fmt.Errorf("clicks: %w", err)
	}
	var at [4]int
	for i, name := range []string{"timestamp", "eventType", "contentId", "personId"} {
		if at[i] = slices.Index(head, name); at[i] < 0 {
			return nil, fmt.Errorf("clicks: the first line has no %s, but %q", name, head)
		}
	}
	var events []event
	for {
		row, err := lines.Read()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("clicks: %w", err)
		}
		s, err := strconv.ParseInt(row[at[0]], 10, 64)
		if err != nil {
			line, _ := lines.FieldPos(at[0])
			return nil, fmt.Errorf("clicks: line %d: timestamp: %w", line, err)
		}
		e := event{at: time.Unix(s, 0).UTC(), article: row[at[2]], reader: row[at[3]], kind: topics.ClickUp}
		if row[at[1]] == "VIEW" {
			e.kind = topics.ClickOpen
		}
		events = append(events, e)
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
	return events, nil
}
