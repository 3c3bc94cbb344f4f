package tool

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/manifest"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/memory"
	"github.com/millrace/millrace/pipeline"
)

// limit bounds a test's waiting.
func limit(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// failedOrders is a cluster with the topic orders of two partitions and dead
// letters of it: of each of the given partitions one.
func failedOrders(t *testing.T, partitions ...string) *memory.Cluster {
	t.Helper()
	c := memory.New(memory.Config{})
	for topic, n := range map[string]int32{"orders": 2, "failed": 1} {
		if err := c.Create(t.Context(), transport.TopicSpec{Name: topic, Partitions: n}); err != nil {
			t.Fatal(err)
		}
	}
	for i, p := range partitions {
		hs := letterHeaders()
		hs[4].Value = []byte(p)
		r := &transport.Record{Topic: "failed", Key: []byte{byte('a' + i)}, Value: []byte("v"), Headers: hs}
		if p == "none" {
			r.Headers = nil
		}
		if err := c.Append(r, true); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func keys(c *memory.Cluster, topic string) (ks []string) {
	for _, r := range c.Records(topic) {
		ks = append(ks, string(r.Key))
	}
	return ks
}

// A replay that fails puts back nothing, or all with its progress; the next one
// goes on, and in the end all is put back once.
func TestReplayThatFails(t *testing.T) {
	broken := errors.New("the disk is full")
	for _, kind := range []memory.OpKind{memory.Produce, memory.Commit} {
		c := failedOrders(t, "0", "none", "1")
		c.SetHook(func(op memory.Op) memory.Verdict {
			if op.Kind == kind && (kind == memory.Commit || string(op.Record.Key) == "c") {
				return memory.Verdict{Err: broken}
			}
			return memory.Verdict{}
		})
		called := 0
		o := ReplayOptions{Topic: "failed", Each: func(Letter) { called++ }}
		if done, err := replay(limit(t), c, o); !errors.Is(err, broken) || !strings.Contains(err.Error(), "replay of failed") || done != (Replayed{}) || called != 0 {
			t.Errorf("%s: %+v, %d told of, %v", kind, done, called, err)
		}
		c.SetHook(nil)
		if done, err := replay(limit(t), c, o); err != nil || done != (Replayed{Replayed: 2, Foreign: 1}) || called != 2 {
			t.Errorf("%s: the second time: %+v, %d told of, %v", kind, done, called, err)
		}
		if done, err := replay(limit(t), c, o); err != nil || done != (Replayed{}) {
			t.Errorf("%s: the third time: %+v, %v", kind, done, err)
		}
		var all []string
		for _, p := range []int32{0, 1} {
			first, end, err := c.Bounds(limit(t), transport.TopicPartition{Topic: "orders", Partition: p})
			if err == nil {
				err = c.ReadTable(limit(t), transport.TopicPartition{Topic: "orders", Partition: p}, first, end, func(b transport.TableBatch) error {
					for _, r := range b.Records {
						all = append(all, string(r.Key))
					}
					return nil
				})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(all, []string{"a", "c"}) {
			t.Errorf("%s: committed in orders: %q, want a and c, once", kind, all)
		}
	}
}

// A dead letter of a partition that is gone ends the replay before it, and a
// filter leads past it.
func TestReplayToAPartitionThatIsGone(t *testing.T) {
	c := failedOrders(t, "1", "2")
	o := ReplayOptions{Topic: "failed"}
	done, err := replay(limit(t), c, o)
	if err == nil || !strings.Contains(err.Error(), "offset 1, came from topic orders, partition 2, which is not there") || done.Replayed != 0 {
		t.Errorf("%+v, %v", done, err)
	}
	o.Filter = Filter{Key: "a"}
	if done, err := replay(limit(t), c, o); err != nil || done != (Replayed{Replayed: 1, LeftOut: 1}) || !slices.Equal(keys(c, "orders"), []string{"a"}) {
		t.Errorf("with a filter: %+v, %v, orders has %q", done, err, keys(c, "orders"))
	}
}

// A replay whose context ends while a broker does not answer returns, and
// nothing is put back.
func TestReplayThatIsCancelled(t *testing.T) {
	c := failedOrders(t, "0")
	ctx, cancel := context.WithCancel(limit(t))
	c.SetHook(func(op memory.Op) memory.Verdict {
		if op.Kind == memory.Produce {
			cancel()
			return memory.Verdict{Hold: true}
		}
		return memory.Verdict{}
	})
	if done, err := replay(ctx, c, ReplayOptions{Topic: "failed"}); !errors.Is(err, context.Canceled) || done.Replayed != 0 {
		t.Errorf("%+v, %v", done, err)
	}
	c.SetHook(nil)
	c.Release()
	if done, err := replay(limit(t), c, ReplayOptions{Topic: "failed"}); err != nil || done.Replayed != 1 {
		t.Errorf("the next one: %+v, %v", done, err)
	}
}

// What a topic lists ends at the error of who looks at it, and a topic that is
// not there is named.
func TestListThatFails(t *testing.T) {
	c := failedOrders(t, "0", "none", "1")
	enough := errors.New("enough")
	var seen []string
	err := list(limit(t), c, "failed", nil, Filter{}, func(l Letter) error {
		if seen = append(seen, l.Key); l.Key == "c" {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || !slices.Equal(seen, []string{"a", "c"}) {
		t.Errorf("seen %q, %v", seen, err)
	}
	if err := list(limit(t), c, "faild", nil, Filter{}, nil); !errors.Is(err, transport.ErrUnknownTopic) || !strings.Contains(err.Error(), "faild") {
		t.Errorf("a topic that is not there: %v", err)
	}
	if _, err := replay(limit(t), c, ReplayOptions{Topic: "faild"}); !errors.Is(err, transport.ErrUnknownTopic) || !strings.Contains(err.Error(), "faild") {
		t.Errorf("a replay of it: %v", err)
	}
	nobody := pipeline.Config{Brokers: []string{"127.0.0.1:1"}, ConnectTimeout: 1}
	_, replayed := Replay(limit(t), nobody, ReplayOptions{Topic: "failed"})
	_, reset := Reset(limit(t), nobody, ResetOptions{App: "shop"}, true)
	for what, err := range map[string]error{"DeadLetters": DeadLetters(limit(t), nobody, "failed", Filter{}, nil), "Replay": replayed, "Reset": reset} {
		if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") {
			t.Errorf("%s without a broker: %v", what, err)
		}
	}
}

// A plan says each position that is set; what the manifest does not know, or
// nobody can read in it, is a problem, and all problems come at once.
func TestResetPlan(t *testing.T) {
	c := failedOrders(t)
	if err := c.Create(t.Context(), transport.TopicSpec{Name: manifest.TopicName("shop"), Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	proc := manifest.Processor{Format: manifest.Format, Group: "shop-count", Inputs: map[string]manifest.Topic{"orders": {}},
		Tables: map[string]manifest.Topic{"seen": {}}, Outputs: []string{"out"}}
	if err := manifest.Write(limit(t), c, "shop", map[string]*manifest.Processor{"count": &proc}); err != nil {
		t.Fatal(err)
	}
	plan, err := planReset(limit(t), c, t.TempDir(), ResetOptions{App: "shop", To: time.Now(), Delete: []string{"out"}})
	if err != nil {
		t.Fatal(err)
	}
	want := "delete group shop-count\nforget processor count\n" +
		"set group shop-count, topic orders, partition 0 to offset 0\nset group shop-count, topic orders, partition 1 to offset 0\n"
	if got := plan.String(); got != want { // neither seen nor out is there
		t.Errorf("plan:\n%swant:\n%s", got, want)
	}
	if err := c.Append(&transport.Record{Topic: manifest.TopicName("shop"), Key: []byte("broken"), Value: []byte("{")}, true); err != nil {
		t.Fatal(err)
	}
	_, err = planReset(limit(t), c, "", ResetOptions{App: "shop", Processors: []string{"cuont"}, Delete: []string{"in"}})
	var re *ResetError
	if !errors.As(err, &re) || len(re.Problems) != 3 {
		t.Fatalf("%v, want three problems", err)
	}
	for _, want := range []string{"3 problem(s)", "processor broken: ", `no processor "cuont"; the manifest has count`, "topic in is no input"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no word of %s in: %v", want, err)
		}
	}
}
