package processors_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
)

var (
	lines  = pipeline.NewTopic("lines", codec.String())
	words  = pipeline.NewTopic("words", codec.String())
	long   = pipeline.NewTopic("words.long", codec.String())
	counts = pipeline.NewTable("counts", codec.Int64())
)

func show[V any](d *pipelinetest.Driver, topic pipeline.Topic[V]) {
	for _, m := range pipelinetest.Read(d, topic) {
		fmt.Println(m.Key, m.Value)
	}
}

func ExampleMap() {
	p := processors.Map("upper", lines, words,
		func(_ *pipeline.Context, s string) (string, error) { return strings.ToUpper(s), nil })
	pipelinetest.Example(pipeline.New("app").From(lines).Add(p).To(words), func(d *pipelinetest.Driver) {
		d.Send(lines.Record("1", "to be"))
		show(d, words)
	})
	// Output: 1 TO BE
}

func ExampleFilter() {
	p := processors.Filter("long", words, long,
		func(_ *pipeline.Context, w string) (bool, error) { return len(w) > 3, nil })
	pipelinetest.Example(pipeline.New("app").From(words).Add(p).To(long), func(d *pipelinetest.Driver) {
		d.Send(words.Record("1", "to"), words.Record("2", "question"))
		show(d, long)
	})
	// Output: 2 question
}

func ExampleFlatMap() {
	p := processors.FlatMap("split", lines, words,
		func(_ *pipeline.Context, line string, emit func(key, word string)) error {
			for _, w := range strings.Fields(line) {
				emit(w, w)
			}
			return nil
		})
	pipelinetest.Example(pipeline.New("app").From(lines).Add(p).To(words), func(d *pipelinetest.Driver) {
		d.Send(lines.Record("1", "to be"))
		show(d, words)
	})
	// Output:
	// to to
	// be be
}

func ExampleBranch() {
	isLong := func(_ *pipeline.Context, w string) (bool, error) { return len(w) > 3, nil }
	short := pipeline.NewTopic("words.short", codec.String())
	p := processors.Branch("length", words,
		processors.Case[string]{When: isLong, To: long},
		processors.Case[string]{To: short})
	pipelinetest.Example(pipeline.New("app").From(words).Add(p).To(long, short), func(d *pipelinetest.Driver) {
		d.Send(words.Record("1", "to"), words.Record("2", "question"))
		show(d, short)
	})
	// Output: 1 to
}

func ExampleMerge() {
	p := processors.Merge("merge", long, lines, words)
	pipelinetest.Example(pipeline.New("app").From(lines, words).Add(p).To(long), func(d *pipelinetest.Driver) {
		d.Send(lines.Record("1", "from lines"), words.Record("2", "from words"))
		show(d, long)
	})
	// Output:
	// 1 from lines
	// 2 from words
}

func ExampleDedupe() {
	seen := pipeline.NewTable("seen", codec.JSON[time.Time]())
	unique := pipeline.NewTopic("words.unique", codec.String())
	p := processors.Dedupe("dedupe", words, unique, seen, time.Hour)
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	pipelinetest.Example(pipeline.New("app").From(words).Add(p).To(unique), func(d *pipelinetest.Driver) {
		d.Send(
			words.Record("be", "at noon").At(noon),
			words.Record("be", "a minute later").At(noon.Add(time.Minute)),
			words.Record("be", "an hour later").At(noon.Add(time.Hour)))
		show(d, unique)
	})
	// Output:
	// be at noon
	// be an hour later
}

func ExampleDedupeBy() {
	seen := pipeline.NewTable("seen", codec.JSON[time.Time]())
	unique := pipeline.NewTopic("words.unique", codec.String())
	p := processors.DedupeBy("dedupe", words, unique, seen, time.Hour, codec.String(), strings.ToLower)
	pipelinetest.Example(pipeline.New("app").From(words).Add(p).To(unique), func(d *pipelinetest.Driver) {
		d.Send(words.Record("1", "Be"), words.Record("2", "be"))
		show(d, unique)
	})
	// Output: 1 Be
}

func ExampleCount() {
	pipelinetest.Example(pipeline.New("app").From(words).Add(processors.Count("count", words, counts)), func(d *pipelinetest.Driver) {
		d.Send(words.Record("be", "be"), words.Record("to", "to"), words.Record("be", "be"))
		rows := pipelinetest.Rows(d, counts)
		fmt.Println(rows["be"], rows["to"])
	})
	// Output: 2 1
}

func ExampleAggregate() {
	letters := func(_ *pipeline.Context, n int64, w string) (int64, error) { return n + int64(len(w)), nil }
	pipelinetest.Example(pipeline.New("app").From(words).Add(processors.Aggregate("letters", words, counts, letters)),
		func(d *pipelinetest.Driver) {
			d.Send(words.Record("hamlet", "to"), words.Record("hamlet", "question"))
			fmt.Println(pipelinetest.Rows(d, counts)["hamlet"])
		})
	// Output: 10
}

func ExampleReduce() {
	longest := pipeline.NewTable("longest", codec.String())
	p := processors.Reduce("longest", words, longest, func(_ *pipeline.Context, a, b string) (string, error) {
		if len(b) > len(a) {
			return b, nil
		}
		return a, nil
	})
	pipelinetest.Example(pipeline.New("app").From(words).Add(p), func(d *pipelinetest.Driver) {
		d.Send(words.Record("hamlet", "to"), words.Record("hamlet", "question"), words.Record("hamlet", "is"))
		fmt.Println(pipelinetest.Rows(d, longest)["hamlet"])
	})
	// Output: question
}

func ExampleJoin() {
	speakers := pipeline.NewTable("speakers", codec.String())
	spoken := pipeline.NewTopic("lines.spoken", codec.String())
	p := processors.Join("speak", lines, speakers, spoken,
		func(_ *pipeline.Context, line, speaker string) (string, error) { return speaker + ": " + line, nil })
	pipelinetest.Example(pipeline.New("app").From(lines, speakers).Add(p).To(spoken), func(d *pipelinetest.Driver) {
		d.Send(speakers.Row("III.1", "Hamlet"), lines.Record("III.1", "to be"), lines.Record("IV.5", "good night"))
		show(d, spoken)
	})
	// Output: III.1 Hamlet: to be
}

func ExampleLeftJoin() {
	speakers := pipeline.NewTable("speakers", codec.String())
	spoken := pipeline.NewTopic("lines.spoken", codec.String())
	p := processors.LeftJoin("speak", lines, speakers, spoken,
		func(_ *pipeline.Context, line, speaker string, ok bool) (string, error) {
			if !ok {
				speaker = "somebody"
			}
			return speaker + ": " + line, nil
		})
	pipelinetest.Example(pipeline.New("app").From(lines, speakers).Add(p).To(spoken), func(d *pipelinetest.Driver) {
		d.Send(lines.Record("IV.5", "good night"))
		show(d, spoken)
	})
	// Output: IV.5 somebody: good night
}
