package engine_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// Topics that are not as declared end the start, all of them in one error,
// before any topic is created.
func TestTopicsThatDiffer(t *testing.T) {
	l := newLab(t, 2, "in")
	for _, s := range []transport.TopicSpec{
		{Name: "out", Partitions: 3, Replication: 1, Config: map[string]string{"retention.ms": "1000", "cleanup.policy": "delete"}},
		{Name: "seen", Partitions: 2, Config: map[string]string{"cleanup.policy": "delete"}},
		{Name: "other", Partitions: 5},
	} {
		if err := l.Create(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	other := pipeline.NewTopic("other", codec.String())
	out := pipeline.NewTopic("out", codec.String(), pipeline.Partitions(4), pipeline.Replication(3), pipeline.TopicConfig("retention.ms", "2000"))
	p := pipeline.Process("p")
	pipeline.State(p, seen)
	pipeline.Output(p, out)
	pipeline.Output(p, pipeline.NewTopic("new", codec.String()))
	for _, in := range []pipeline.Topic[string]{input, other} {
		pipeline.Input(p, in, func(*pipeline.Context, string) error { return nil })
	}
	topology := pipeline.New("app").From(input, other).Add(p).To(out, pipeline.NewTopic("new", codec.String()))
	s := l.start("m", topology)
	<-s.ended
	var wrong *engine.TopicsError
	if !errors.As(s.err, &wrong) {
		t.Fatalf("the run ended with %v", s.err)
	}
	for _, want := range []string{
		"topic out: has 3 partitions, 4 are declared",
		"topic out: has replication factor 1, 3 is declared",
		"topic out: has retention.ms=1000, 2000 is declared",
		"topic seen: has cleanup.policy=delete, compact is declared",
		"topic in: not co-partitioned with the other inputs, joins and tables of processor p: in has 2, other has 5, seen has 2",
		fmt.Sprintf("%d problem(s) with topics", len(wrong.Problems)),
	} {
		if !strings.Contains(s.err.Error(), want) {
			t.Errorf("no word of %q in: %v", want, s.err)
		}
	}
	if infos, err := l.Describe(t.Context(), "new"); err != nil || len(infos) != 0 {
		t.Errorf("created in spite of it: %v, %v", infos, err)
	}
}

// With creation switched off, each missing topic is named.
func TestTopicsThatMayNotBeCreated(t *testing.T) {
	l := newLab(t, 1, "in")
	s := l.start("m", dedupe(), func(e *engine.Config) { e.CreateTopics = false })
	<-s.ended
	for _, name := range []string{"out", "seen"} {
		if s.err == nil || !strings.Contains(s.err.Error(), "topic "+name+": does not exist, and creating topics is switched off") {
			t.Errorf("no word of %s in: %v", name, s.err)
		}
	}
}

// The transactional id is a state folder's own: kept over restarts, made anew
// where the file is damaged, and refused to a second process.
func TestTransactionalIDOfAFolder(t *testing.T) {
	l, dir := newLab(t, 1, "in"), t.TempDir()
	file := filepath.Join(dir, "app", "dedupe", "transactional-id")
	start := func() *service {
		return l.startWith("m", dedupe(), func(c *pipeline.Config) { c.StateDir = dir },
			func(e *engine.Config) { e.ExactlyOnce, e.OpenStore = true, nil })
	}
	run := func(key string) string {
		t.Helper()
		s := start()
		l.send("in", key)
		l.settled(group, "in")
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	id := run("a")
	if !strings.HasPrefix(id, group+"-") || len(id) < len(group)+20 {
		t.Errorf("the id is %q", id)
	}
	if again := run("b"); again != id {
		t.Errorf("after a restart it is %q, and was %q", again, id)
	}
	if err := os.WriteFile(file, []byte("another-group-x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if other := run("c"); other == id || !strings.HasPrefix(other, group+"-") {
		t.Errorf("in place of a damaged one: %q", other)
	}

	first := start()
	l.send("in", "d")
	l.settled(group, "in")
	second := start()
	want := "state folder " + filepath.Dir(file) + " is used by another process: give each its own"
	l.until("the second says why it does not run", func() bool {
		for _, p := range second.Status().Processors {
			if strings.Contains(p.Error, want) {
				return true
			}
		}
		return false
	})
	_ = second.stop() // it waits for the folder, or has given up
	l.send("in", "e")
	l.settled(group, "in") // by the first, which goes on
	if err := first.stop(); err != nil {
		t.Error(err)
	}
}
