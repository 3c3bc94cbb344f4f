package transporttest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/transport"
)

// patience bounds every wait of a test.
const patience = time.Minute

// lab is a test with its cluster.
type lab struct {
	*testing.T
	transport.Cluster
	ctx context.Context
}

func newLab(t *testing.T, c transport.Cluster) *lab {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return &lab{t, c, ctx}
}

// name makes a name that no other test and no other run uses.
func (l *lab) name(what string) string {
	return fmt.Sprintf("%s-%s-%d", strings.ReplaceAll(l.Name(), "/", "-"), what, time.Now().UnixNano())
}

func (l *lab) topic(partitions int32) string {
	l.Helper()
	name := l.name("topic")
	if err := l.Create(l.ctx, transport.TopicSpec{Name: name, Partitions: partitions}); err != nil {
		l.Fatal(err)
	}
	return name
}

func (l *lab) producer(explicit ...string) transport.Producer {
	l.Helper()
	p, err := l.NewProducer(l.ctx, transport.ProducerConfig{Partitioning: transport.Partitioning{Explicit: explicit}})
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(p.Close)
	return p
}

// produce sends records, waits for the acknowledgements and returns the first
// error.
func produce(ctx context.Context, p transport.Producer, records ...*transport.Record) (first error) {
	var mu sync.Mutex
	var acks sync.WaitGroup
	for _, r := range records {
		acks.Add(1)
		p.Produce(ctx, r, func(_ *transport.Record, err error) {
			defer acks.Done()
			mu.Lock()
			defer mu.Unlock()
			if first == nil {
				first = err
			}
		})
	}
	acks.Wait()
	return first
}

// send writes values to one partition.
func (l *lab) send(topic string, partition int32, values ...string) {
	l.Helper()
	var records []*transport.Record
	for _, v := range values {
		records = append(records, &transport.Record{Topic: topic, Partition: partition, Key: []byte(v), Value: []byte(v)})
	}
	p, err := l.NewProducer(l.ctx, transport.ProducerConfig{Partitioning: transport.Partitioning{Explicit: []string{topic}}})
	if err != nil {
		l.Fatal(err)
	}
	defer p.Close()
	if err := produce(l.ctx, p, records...); err != nil {
		l.Fatal(err)
	}
}

// read returns a partition's records from an offset to the end.
func (l *lab) read(topic string, partition int32, from int64) (values []string) {
	l.Helper()
	tp := transport.TopicPartition{Topic: topic, Partition: partition}
	_, end, err := l.Bounds(l.ctx, tp)
	if err != nil {
		l.Fatal(err)
	}
	err = l.ReadTable(l.ctx, tp, from, end, func(b transport.TableBatch) error {
		for _, r := range b.Records {
			values = append(values, string(r.Value))
		}
		return nil
	})
	if err != nil {
		l.Fatal(err)
	}
	return values
}

// member is a member of a group that notes what it is told and given.
type member struct {
	transport.Group
	l    *lab
	name string
	log  func(string) // gets "assigned 0 1", and so on

	revoked func(transport.Assignment) // called during the revocation; may be nil

	mu     sync.Mutex
	owned  map[string]map[int32]bool
	values map[transport.TopicPartition][]string
	next   transport.Offsets
	ends   map[transport.TopicPartition]int64
	lost   int

	stop    context.CancelFunc
	polling sync.WaitGroup
}

// join makes a member; poll lets it join.
func (l *lab) join(group string, topics ...string) *member {
	l.Helper()
	m := &member{l: l, owned: map[string]map[int32]bool{}, values: map[transport.TopicPartition][]string{},
		next: transport.Offsets{}, ends: map[transport.TopicPartition]int64{}, log: func(string) {}}
	var err error
	m.Group, err = l.Join(l.ctx, transport.GroupConfig{
		Group: group, ClientID: "test", Topics: topics,
		Assigned: func(_ context.Context, a transport.Assignment) { m.change("assigned", a, true) },
		Revoked: func(_ context.Context, a transport.Assignment) {
			m.mu.Lock()
			f := m.revoked
			m.mu.Unlock()
			if f != nil {
				f(a)
			}
			m.change("revoked", a, false)
		},
		Lost: func(_ context.Context, a transport.Assignment) {
			m.mu.Lock()
			m.lost++
			m.mu.Unlock()
			m.change("lost", a, false)
		},
	})
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() {
		m.halt()
		m.mu.Lock()
		m.revoked = nil
		m.mu.Unlock()
		m.Close()
	})
	return m
}

func (m *member) change(what string, a transport.Assignment, own bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for t, ps := range a {
		if m.owned[t] == nil {
			m.owned[t] = map[int32]bool{}
		}
		for _, p := range ps {
			if own {
				m.owned[t][p] = true
			} else {
				delete(m.owned[t], p)
			}
			m.log(fmt.Sprintf("%s %s %d", m.name, what, p))
		}
	}
}

// poll polls until the test ends or halt.
func (m *member) poll() *member {
	ctx, stop := context.WithCancel(m.l.ctx)
	m.stop = stop
	m.polling.Go(func() {
		for {
			fetches, err := m.Poll(ctx)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				m.l.Errorf("poll: %v", err)
				return
			}
			m.mu.Lock()
			for _, f := range fetches {
				if len(f.Records) == 0 {
					m.l.Errorf("%v: a fetch without records", f.TopicPartition)
				}
				m.ends[f.TopicPartition] = f.End
				for _, r := range f.Records {
					m.values[f.TopicPartition] = append(m.values[f.TopicPartition], string(r.Value))
					if m.next[f.Topic] == nil {
						m.next[f.Topic] = map[int32]int64{}
					}
					m.next[f.Topic][f.Partition] = r.Offset + 1
				}
			}
			m.mu.Unlock()
		}
	})
	return m
}

// halt stops polling.
func (m *member) halt() {
	if m.stop != nil {
		m.stop()
		m.polling.Wait()
	}
}

// got returns the values read of a partition.
func (m *member) got(topic string, p int32) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.values[transport.TopicPartition{Topic: topic, Partition: p}])
}

// owns returns the partitions of a topic that the member has.
func (m *member) owns(topic string) (ps []int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for p := range m.owned[topic] {
		ps = append(ps, p)
	}
	slices.Sort(ps)
	return ps
}

// until waits for a condition of which nothing tells.
func (l *lab) until(what string, cond func() bool) {
	l.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-l.ctx.Done():
			l.Fatalf("waited in vain for: %s", what)
		}
	}
}
