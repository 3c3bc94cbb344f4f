package pipeline_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/leaktest"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

var update = flag.Bool("update", false, "write the golden files anew")

var (
	clicks  = pipeline.NewTopic("clicks", codec.String())
	visits  = pipeline.NewTopic("visits", codec.JSON[visit](), pipeline.Partitions(6), pipeline.Retention(24*time.Hour))
	users   = pipeline.NewTable("users", codec.JSON[visit]())
	pages   = pipeline.NewTable("pages", codec.String())
	perUser = pipeline.NewTable("visits.per-user", codec.Int64())
	index   = pipeline.NewTable("visits.index", codec.String())
	failed  = pipeline.NewTopic("clicks.failed", codec.Bytes())
)

type visit struct{ Page string }

func nothing[V any](*pipeline.Context, V) error { return nil }

// everything uses each kind of handle once.
func everything() *pipeline.Topology {
	count := pipeline.Process("count").DeadLetters(failed)
	pipeline.State(count, perUser)
	pipeline.Store(count, index)
	pipeline.Join(count, users)
	pipeline.Lookup(count, pages)
	pipeline.Output(count, visits)
	pipeline.Loop(count, codec.String()).Handle(nothing[string])
	pipeline.Input(count, clicks, nothing[string])
	follow := pipeline.Process("follow")
	pipeline.Changes(follow, perUser, nothing[pipeline.Change[int64]])
	pipeline.OutputTable(follow, pages)
	return pipeline.New("site").From(clicks, users).Add(count, follow).To(visits, failed)
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is now:\n%s\nit was:\n%s\nif that is right, run the test with -update", name, got, want)
	}
}

func TestPrints(t *testing.T) {
	topology := everything()
	if err := topology.Validate(); err != nil {
		t.Fatal(err)
	}
	golden(t, "topology.txt", topology.String())
	golden(t, "topology.mermaid", topology.Mermaid())
}

func TestValidate(t *testing.T) {
	in := func(p *pipeline.Processor) *pipeline.Processor {
		pipeline.Input(p, clicks, nothing[string])
		return p
	}
	for name, test := range map[string]struct {
		topology func() *pipeline.Topology
		kind     error
		says     string
	}{
		"no processor": {func() *pipeline.Topology { return pipeline.New("t") }, pipeline.ErrIncomplete, "no processor"},
		"nil": {func() *pipeline.Topology {
			return pipeline.New("t").From(clicks, nil).Add(in(pipeline.Process("p")), nil)
		}, pipeline.ErrIncomplete, "2 nil argument(s)"},
		"bad name": {func() *pipeline.Topology {
			return pipeline.New("t").From(clicks).Add(in(pipeline.Process("my processor")))
		}, pipeline.ErrName, `"my processor" is no name`},
		"long name": {func() *pipeline.Topology {
			return pipeline.New(strings.Repeat("t", 101)).From(clicks).Add(in(pipeline.Process("p")))
		}, pipeline.ErrName, "is no name"},
		"same name": {func() *pipeline.Topology {
			return pipeline.New("t").From(clicks).Add(in(pipeline.Process("p")), in(pipeline.Process("p")))
		}, pipeline.ErrDuplicate, "the name is that of another processor"},
		"no input": {func() *pipeline.Topology { return pipeline.New("t").Add(pipeline.Process("p")) }, pipeline.ErrIncomplete, "no input"},
		"two handlers": {func() *pipeline.Topology {
			return pipeline.New("t").From(clicks).Add(in(in(pipeline.Process("p"))))
		}, pipeline.ErrDuplicate, "two handlers for topic clicks"},
		"no handler": {func() *pipeline.Topology {
			p := pipeline.Process("p")
			pipeline.Input(p, clicks, nil)
			return pipeline.New("t").From(clicks).Add(p)
		}, pipeline.ErrIncomplete, "input clicks has no handler"},
		"not written": {func() *pipeline.Topology { return pipeline.New("t").Add(in(pipeline.Process("p"))) }, pipeline.ErrUnknown, "clicks is written by no processor"},
		"not read": {func() *pipeline.Topology {
			p := in(pipeline.Process("p"))
			pipeline.Output(p, visits)
			return pipeline.New("t").From(clicks).Add(p)
		}, pipeline.ErrUnused, "visits is read by no processor"},
		"other type": {func() *pipeline.Topology {
			return pipeline.New("t").From(pipeline.NewTopic("clicks", codec.Int64())).Add(in(pipeline.Process("p")))
		}, pipeline.ErrMismatch, "clicks is a topic of string as string here"},
		"other kind": {func() *pipeline.Topology {
			return pipeline.New("t").From(pipeline.NewTable("clicks", codec.String())).Add(in(pipeline.Process("p")))
		}, pipeline.ErrMismatch, "clicks is a topic of string as string here, and a table"},
		"other options": {func() *pipeline.Topology {
			return pipeline.New("t").From(pipeline.NewTopic("clicks", codec.String(), pipeline.Partitions(9))).Add(in(pipeline.Process("p")))
		}, pipeline.ErrMismatch, "has other options here"},
		"two partitioners": {func() *pipeline.Topology {
			by := func(name string, by pipeline.Partitioner) *pipeline.Processor {
				p := pipeline.Process(name)
				pipeline.Input(p, clicks.OrPartitionedBy(by), func(*pipeline.Context, string) error { return nil })
				return p
			}
			return pipeline.New("t").From(clicks).Add(by("p", pipeline.Murmur2.Window()), by("q", pipeline.Murmur2.Session()))
		}, pipeline.ErrMismatch, "has other options here"},
		"two owners": {func() *pipeline.Topology {
			p, q := in(pipeline.Process("p")), in(pipeline.Process("q"))
			pipeline.State(p, perUser)
			pipeline.State(q, perUser)
			return pipeline.New("t").From(clicks).Add(p, q)
		}, pipeline.ErrDuplicate, "is the state of processor p already"},
		"two states": {func() *pipeline.Topology {
			p := in(pipeline.Process("p"))
			pipeline.State(p, perUser)
			pipeline.State(p, index)
			return pipeline.New("t").From(clicks).Add(p)
		}, pipeline.ErrDuplicate, "two states"},
		"own join": {func() *pipeline.Topology {
			p := in(pipeline.Process("p"))
			pipeline.State(p, perUser)
			pipeline.Join(p, perUser)
			return pipeline.New("t").From(clicks).Add(p)
		}, pipeline.ErrMismatch, "is its own state"},
		"other writer": {func() *pipeline.Topology {
			p, q := in(pipeline.Process("p")), in(pipeline.Process("q"))
			pipeline.State(p, perUser)
			pipeline.OutputTable(q, perUser)
			return pipeline.New("t").From(clicks).Add(p, q)
		}, pipeline.ErrDuplicate, "only that may write it"},
		"two loops": {func() *pipeline.Topology {
			p := in(pipeline.Process("p"))
			pipeline.Loop(p, codec.String()).Handle(nothing[string])
			pipeline.Loop(p, codec.String()).Handle(nothing[string])
			return pipeline.New("t").From(clicks).Add(p)
		}, pipeline.ErrDuplicate, "two loops"},
		"loop without handler": {func() *pipeline.Topology {
			p := in(pipeline.Process("p"))
			pipeline.Loop(p, codec.String())
			return pipeline.New("t").From(clicks).Add(p)
		}, pipeline.ErrIncomplete, "loop has no handler"},
		"no codec": {func() *pipeline.Topology {
			p := in(pipeline.Process("p"))
			out := pipeline.NewTopic[string]("out", nil)
			pipeline.Output(p, out)
			return pipeline.New("t").From(clicks).Add(p).To(out)
		}, pipeline.ErrIncomplete, "topic out has no codec"},
		"two policies": {func() *pipeline.Topology {
			return pipeline.New("t").From(clicks).Add(in(pipeline.Process("p")).DeadLetters(failed).OnError(pipeline.Skip())).To(failed)
		}, pipeline.ErrDuplicate, "two error policies"},
		"retry without retries": {func() *pipeline.Topology {
			return pipeline.New("t").From(clicks).Add(in(pipeline.Process("p")).OnError(pipeline.Retry(0, pipeline.Backoff{Min: 2, Max: 1})))
		}, pipeline.ErrConfig, "Retry: 0 retries"},
		"two retries": {func() *pipeline.Topology {
			retry := pipeline.Retry(1, pipeline.Backoff{})
			return pipeline.New("t").From(clicks).Add(in(pipeline.Process("p")).OnError(retry.Then(retry)))
		}, pipeline.ErrConfig, "a Retry in Then"},
		"then without retry": {func() *pipeline.Topology {
			return pipeline.New("t").From(clicks).Add(in(pipeline.Process("p")).OnError(pipeline.Skip().Then(pipeline.Stop())))
		}, pipeline.ErrConfig, "Then follows Retry only"},
		"dead letters nobody reads": {func() *pipeline.Topology {
			return pipeline.New("t").From(clicks).Add(in(pipeline.Process("p")).DeadLetters(failed))
		}, pipeline.ErrUnused, "clicks.failed is read by no processor"},
		"dead letters to the input": {func() *pipeline.Topology {
			p := pipeline.Process("p").DeadLetters(failed)
			pipeline.Input(p, failed, nothing[[]byte])
			return pipeline.New("t").From(failed).Add(p)
		}, pipeline.ErrMismatch, "a record that fails would come again for ever"},
		"dead letters to an output": {func() *pipeline.Topology {
			p := in(pipeline.Process("p").DeadLetters(failed))
			pipeline.Output(p, failed)
			return pipeline.New("t").From(clicks).Add(p).To(failed)
		}, pipeline.ErrDuplicate, "dead letters need a topic of their own"},
		"compacted dead letters": {func() *pipeline.Topology {
			dead := pipeline.NewTopic("dead", codec.Bytes(), pipeline.Compacted())
			return pipeline.New("t").From(clicks).Add(in(pipeline.Process("p")).DeadLetters(dead)).To(dead)
		}, pipeline.ErrConfig, "dead-letter topic dead is compacted"},
		"no partition": {func() *pipeline.Topology {
			p := in(pipeline.Process("p"))
			out := pipeline.NewTopic("out", codec.String(), pipeline.Partitions(0), pipeline.Retention(-1))
			pipeline.Output(p, out)
			return pipeline.New("t").From(clicks).Add(p).To(out)
		}, pipeline.ErrConfig, "0 partitions"},
		"too many partitions": {func() *pipeline.Topology {
			return pipeline.New("t").From(pipeline.NewTopic("clicks", codec.String(), pipeline.Partitions(1<<31))).Add(in(pipeline.Process("p")))
		}, pipeline.ErrConfig, "2147483648 partitions: that is too many"},
		"no replica": {func() *pipeline.Topology {
			return pipeline.New("t").From(pipeline.NewTopic("clicks", codec.String(), pipeline.Replication(0))).Add(in(pipeline.Process("p")))
		}, pipeline.ErrConfig, "replication factor 0"},
		"too many replicas": { // which would be one, cut to Kafka's 16 bits
			func() *pipeline.Topology {
				return pipeline.New("t").From(pipeline.NewTopic("clicks", codec.String(), pipeline.Replication(1<<16+1))).Add(in(pipeline.Process("p")))
			}, pipeline.ErrConfig, "replication factor 65537: that is too many"},
		"the manifest's topic": {func() *pipeline.Topology {
			manifest := pipeline.NewTopic("t-manifest", codec.String())
			p := in(pipeline.Process("p"))
			pipeline.Output(p, manifest)
			return pipeline.New("t").From(clicks).Add(p).To(manifest)
		}, pipeline.ErrDuplicate, "topic t-manifest is where the topology's manifest is kept"},
		"own changes": {func() *pipeline.Topology {
			p := pipeline.Process("p")
			pipeline.State(p, perUser)
			pipeline.Changes(p, perUser, nothing[pipeline.Change[int64]])
			return pipeline.New("t").Add(p)
		}, pipeline.ErrMismatch, "table visits.per-user is its own state: it cannot be its input as well"},
		"loop without codec": {func() *pipeline.Topology {
			p := in(pipeline.Process("p"))
			pipeline.Loop[string](p, nil).Handle(nothing[string])
			return pipeline.New("t").From(clicks).Add(p)
		}, pipeline.ErrIncomplete, "loop has no codec"},
		"loop with a nil handler": {func() *pipeline.Topology {
			p := in(pipeline.Process("p"))
			pipeline.Loop(p, codec.String()).Handle(nil)
			return pipeline.New("t").From(clicks).Add(p)
		}, pipeline.ErrIncomplete, "loop has no handler"},
		"the loop's topic": {func() *pipeline.Topology {
			p, loop := in(pipeline.Process("p")), pipeline.NewTopic("t-p-loop", codec.String())
			pipeline.Loop(p, codec.String()).Handle(nothing[string])
			pipeline.Output(p, loop)
			return pipeline.New("t").From(clicks).Add(p).To(loop)
		}, pipeline.ErrDuplicate, "topic t-p-loop is the topic of its loop"},
		"negative waits": {func() *pipeline.Topology {
			return pipeline.New("t").From(clicks).Add(in(pipeline.Process("p")).OnError(pipeline.Retry(1, pipeline.Backoff{Min: -1})))
		}, pipeline.ErrConfig, "a wait is negative"},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.topology().Validate()
			if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got: %v\nwant %v, saying %q", err, test.kind, test.says)
			}
		})
	}
}

// All problems come at once.
func TestValidateReportsAll(t *testing.T) {
	p := pipeline.Process("a b")
	pipeline.Output(p, visits)
	err := pipeline.New("").From(users).Add(p).Validate()
	var v *pipeline.ValidationError
	if !errors.As(err, &v) || len(v.Problems) != 5 {
		t.Fatalf("got %v, want five problems", err)
	}
	for _, kind := range []error{pipeline.ErrName, pipeline.ErrIncomplete, pipeline.ErrUnused} {
		if !errors.Is(err, kind) {
			t.Errorf("%v is missing in: %v", kind, err)
		}
	}
}

func TestConfigReportsAll(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := pipeline.NewService(everything(), pipeline.Config{
		Brokers: []string{"nohost"}, StateDir: file, Processors: []string{"cuont"},
		Views: []pipeline.Ref{clicks, pipeline.NewTable("other", codec.String())}, CommitInterval: -1, Partitions: -2})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, says := range []string{`"nohost" is not host:port`, `there is no "cuont"; the topology has count, follow`, "clicks is a topic, not a table",
		"table other is not part", "CommitInterval: -1ns is negative", "Partitions: -2 is negative", "StateDir: "} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%q is missing in: %v", says, err)
		}
	}
	if !errors.Is(err, pipeline.ErrConfig) {
		t.Error("errors.Is does not find ErrConfig")
	}
}
