//go:build unix

package e2e

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

// Two services with different topologies run beside each other, on one cluster and
// in one state folder. Their processors, timers and operators have the same names,
// and so have the keys that they read. Both are killed in the middle of open windows,
// and one of them loses its state: each writes what it writes alone.
func TestTwoServicesWithTheSameNames(t *testing.T) {
	number, text := func(n int) int64 { return int64(n) }, func(n int) string { return fmt.Sprint("v", n) }
	t.Run("topologies", func(t *testing.T) {
		t.Parallel() // with the other: they wait much
		w := newWorld(t, brokers(t))
		one, two := app(w.app+"-one"), app(w.app+"-two")
		w.runTwins(
			&twinService{child: "one", in: one, own: one, name: string(one), topology: app.one, records: twinRecords(one, codec.Int64(), number)},
			&twinService{child: "two", in: two, own: two, name: string(two), topology: app.two, records: twinRecords(two, codec.String(), text)})
	})
	t.Run("applications", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, brokers(t))
		one, two, own := app(w.app+"-one"), app(w.app+"-two"), app(w.app)
		w.runTwins(
			&twinService{child: "shared-one", in: one, own: own, name: string(one), topology: app.sharedOne, records: twinRecords(one, codec.Int64(), number)},
			&twinService{child: "shared-two", in: two, own: own, name: string(two), topology: app.sharedTwo, records: twinRecords(two, codec.String(), text)})
	})
}

// twinService is one of the two.
type twinService struct {
	child    string // of topologies
	in, own  app    // what it reads and what it writes begin with these
	name     string // of the topology, or the application id
	topology func(app) *pipeline.Topology
	records  [3][]pipeline.Record // before the kill, after it, and those after which all is closed
	process  *process
	topics   map[string][]string          // what it writes alone, sorted
	tables   map[string]map[string]string // likewise
}

// twinRecords makes records of both inputs, whose keys come in intervals on both
// sides of the session's gap, the TTL, and so on.
func twinRecords[V any](in app, c codec.Codec[V], value func(int) V) (rs [3][]pipeline.Record) {
	const n = 1200
	sides := []pipeline.Topic[V]{pipeline.NewTopic(in.topic("left"), c), pipeline.NewTopic(in.topic("right"), c)}
	random := rand.New(rand.NewPCG(1, uint64(len(c.Name()))))
	at := time.Now().Add(-3 * time.Hour).Truncate(time.Minute) // brokers refuse what is of the future
	for i := range n {
		at = at.Add(time.Duration(random.IntN(50)) * time.Millisecond)
		r := sides[random.IntN(2)].Record(fmt.Sprintf("%d-key", random.IntN(20)), value(i))
		rs[2*i/n] = append(rs[2*i/n], r.At(at).In(twinPartitions))
	}
	for p := range twinPartitions {
		for _, side := range sides {
			rs[2] = append(rs[2], side.Record(fmt.Sprint("end-", p), value(n)).At(at.Add(2*time.Hour)).To(p))
		}
	}
	return rs
}

// runTwins runs two services, and compares what they write with what each writes
// alone.
func (w *world) runTwins(both ...*twinService) {
	w.Helper()
	for _, s := range both {
		s.alone(w.T)
		for _, side := range []string{"left", "right"} {
			if err := w.cluster.Create(w.ctx, transport.TopicSpec{Name: s.in.topic(side), Partitions: twinPartitions}); err != nil {
				w.Fatal(err)
			}
		}
		w.spawnTwin(s)
	}
	for _, s := range both {
		w.sendTo(s, s.records[0][:300])
	}
	for _, s := range both {
		w.handled(s)
		w.sendTo(s, s.records[0][300:])
	}
	for _, s := range both {
		if err := s.process.kill(); err != nil {
			w.Fatal(err)
		}
	}
	lost := filepath.Join(w.dir, "m", both[0].name)
	if _, err := os.Stat(lost); err != nil {
		w.Fatalf("the state of the first service: %v", err)
	}
	if err := os.RemoveAll(lost); err != nil {
		w.Fatal(err)
	}
	for _, rs := range []int{1, 2} {
		for _, s := range both {
			if rs == 1 {
				w.spawnTwin(s)
			}
			w.sendTo(s, s.records[rs])
		}
		for _, s := range both {
			w.handled(s)
		}
	}
	for _, s := range both {
		// The totals are made of what another processor wrote.
		enough := time.Now().Add(20 * time.Second)
		w.until("all of "+s.child, func() bool { return len(w.compareTwin(s)) == 0 || time.Now().After(enough) })
		if err := s.process.drain(); err != nil {
			w.Errorf("the drain of %s: %v", s.child, err)
		}
	}
	for _, s := range both {
		for _, d := range w.compareTwin(s) {
			w.Errorf("%s: %s", s.child, d)
		}
	}
}

func (w *world) spawnTwin(s *twinService) {
	w.Helper()
	env := []string{childApp + "=" + string(s.in), childTopology + "=" + s.child, childGuarantee + "=" + string(pipeline.ExactlyOnce)}
	if s.name != string(s.own) {
		env = append(env, childID+"="+s.name)
	}
	s.process = w.spawnChild("m", env...)
}

func (w *world) sendTo(s *twinService, records []pipeline.Record) {
	w.Helper()
	var rs []*transport.Record
	for _, r := range records {
		tr, err := r.Encoded()
		if err != nil {
			w.Fatal(err)
		}
		rs = append(rs, tr)
	}
	w.send(rs...)
}

// handled waits until all that was sent is.
func (w *world) handled(s *twinService) {
	w.Helper()
	for proc, sides := range map[string][]string{"window": {"left"}, "remind": {"left"}, "table": {"left"}, "join": {"left", "right"}} {
		var topics []string
		for _, side := range sides {
			topics = append(topics, s.in.topic(side))
		}
		w.until(proc+" of "+s.child+" to commit all", func() bool {
			select {
			case err := <-s.process.exited:
				w.Fatalf("%s ended: %v", s.child, err)
			default:
			}
			n, err := w.behind(app(s.name).group(proc), topics...)
			return err == nil && n == 0
		})
	}
}

// alone runs the topology by itself, in memory and with nothing that fails.
func (s *twinService) alone(t *testing.T) {
	t.Helper()
	s.topics, s.tables = map[string][]string{}, map[string]map[string]string{}
	d := pipelinetest.New(t, s.topology(s.in))
	for _, rs := range s.records {
		d.Pipe(rs...)
	}
	for _, name := range []string{"sums", "joined", "reminders"} {
		for _, m := range pipelinetest.Read(d, pipeline.NewTopic(s.own.topic(name), codec.Bytes())) {
			s.topics[name] = append(s.topics[name], fmt.Sprintf("%q %s %q", m.Key, m.Time.UTC().Format(time.StampMilli), m.Value))
		}
		slices.Sort(s.topics[name])
	}
	for _, name := range []string{"first", "last", "totals", "windows"} {
		s.tables[name] = map[string]string{}
		for key, row := range pipelinetest.Rows(d, pipeline.NewTable(s.own.topic(name), codec.Bytes())) {
			s.tables[name][key] = string(row)
		}
	}
	for name, n := range map[string]int{"sums": len(s.topics["sums"]), "joined": len(s.topics["joined"]),
		"reminders": len(s.topics["reminders"]), "first": len(s.tables["first"]), "last": len(s.tables["last"]), "totals": len(s.tables["totals"])} {
		if n < 3 {
			t.Errorf("%s has %d records of %s", s.child, n, name)
		}
	}
}

// compareTwin says what is not as it is alone.
func (w *world) compareTwin(s *twinService) (differences []string) {
	w.Helper()
	onCluster := func(name string) string {
		if name = s.own.topic(name); s.name != string(s.own) {
			name = s.name + "." + name
		}
		return name
	}
	for name, want := range s.topics {
		var got []string
		for _, r := range w.read(onCluster(name)) {
			got = append(got, fmt.Sprintf("%q %s %q", r.Key, r.Timestamp.UTC().Format(time.StampMilli), r.Value))
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			i := 0
			for i < min(len(got), len(want)) && got[i] == want[i] {
				i++
			}
			differences = append(differences, fmt.Sprintf("%s has %d records, want %d; from the first difference on %q, want %q",
				name, len(got), len(want), got[i:min(i+3, len(got))], want[i:min(i+3, len(want))]))
		}
	}
	for name, want := range s.tables {
		if got := w.rows(onCluster(name)); !maps.Equal(got, want) {
			differences = append(differences, fmt.Sprintf("table %s is %q, want %q", name, got, want))
		}
	}
	return differences
}
