package pipelinetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/pipeline"
)

// Epoch is where the driver's clock begins.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// patience bounds every wait of a test's driver: a topology that has not come to
// rest by then never will. Run, which may send much at once, waits for longer.
const (
	patience    = 30 * time.Second
	runPatience = 30 * time.Minute
)

// Option configures a driver.
type Option func(*pipeline.Config)

// Views makes the driver keep views of tables, for Service.
func Views(tables ...pipeline.Ref) Option {
	return func(c *pipeline.Config) { c.Views = append(c.Views, tables...) }
}

// Logger shows what the service logs, which is discarded otherwise.
func Logger(l *slog.Logger) Option { return func(c *pipeline.Config) { c.Logger = l } }

// Driver feeds a topology and looks at what comes out. It is used by the
// test's goroutine.
type Driver struct {
	t        testing.TB
	topology *pipeline.Topology
	cfg      pipeline.Config
	b        backend
	patience time.Duration
	seen     map[string]int // records of a topic that Expect or Records returned

	mu  sync.Mutex
	now time.Time

	service *pipeline.Service
	cancel  context.CancelFunc
	ended   chan struct{}
	err     error // of Run, once ended
}

// backend is the cluster that a driver runs on.
type backend interface {
	config(pipeline.Config) pipeline.Config
	append(ctx context.Context, r *transport.Record) error
	partitions(ctx context.Context, topic string) (int32, error)
	// records returns all committed records of a topic.
	records(ctx context.Context, topic string) ([]*transport.Record, error)
	// settle waits until the groups have committed all that is in their topics.
	settle(ctx context.Context, groups map[string][]string) error
	crash()
}

// New starts a topology on a cluster in memory. It is stopped when the test
// ends.
func New(t testing.TB, topology *pipeline.Topology, opts ...Option) *Driver {
	t.Helper()
	return inMemory(t, topology, mode{check: true}, opts)
}

// mode is how a driver runs in memory.
type mode struct {
	check  bool // look for values that were changed in place
	forget bool // what was read
}

func inMemory(t testing.TB, topology *pipeline.Topology, m mode, opts []Option) *Driver {
	t.Helper()
	d := newDriver(t, topology, opts)
	if !m.check {
		d.patience = runPatience
	}
	d.b = newMemory(d.clock, m.check, m.forget)
	d.start()
	return d
}

// Each runs a test's body in memory and on the embedded broker, in subtests.
func Each(t *testing.T, topology func() *pipeline.Topology, body func(d *Driver), opts ...Option) {
	t.Run("memory", func(t *testing.T) { body(New(t, topology(), opts...)) })
	t.Run("embedded", func(t *testing.T) { body(Embedded(t, topology(), opts...)) })
}

func newDriver(t testing.TB, topology *pipeline.Topology, opts []Option) *Driver {
	d := &Driver{t: t, topology: topology, patience: patience, now: epoch, seen: map[string]int{}}
	d.cfg = pipeline.Config{Partitions: 1, CommitInterval: time.Millisecond, Now: d.clock,
		RestartMin: time.Millisecond, RestartMax: 10 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
	for _, o := range opts {
		o(&d.cfg)
	}
	t.Cleanup(func() { d.stop() })
	return d
}

func (d *Driver) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

// Now returns the driver's time, which begins at 2026-01-01 00:00 UTC.
func (d *Driver) Now() time.Time { return d.clock() }

// Advance moves the clock, and lets the topology come to rest: timers by the
// clock whose time has come have fired.
func (d *Driver) Advance(by time.Duration) {
	d.t.Helper()
	d.mu.Lock()
	d.now = d.now.Add(by)
	d.mu.Unlock()
	if d.service.TimersAtRest() {
		return
	}
	if err := d.settle(); err != nil {
		d.t.Fatal(err)
	}
}

// Service returns the running service, for its views and its status.
func (d *Driver) Service() *pipeline.Service { return d.service }

func (d *Driver) start() {
	d.t.Helper()
	s, err := pipeline.NewService(d.topology, d.b.config(d.cfg))
	if err != nil {
		d.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	d.service, d.cancel, d.ended = s, cancel, make(chan struct{})
	go func(ended chan struct{}) {
		defer close(ended)
		d.err = s.Run(ctx)
	}(d.ended)
	wait, done := context.WithTimeout(context.Background(), d.patience)
	defer done()
	if err := s.WaitReady(wait); err != nil {
		cancel()
		<-d.ended
		d.t.Fatal(fmt.Errorf("the topology did not start: %w", errors.Join(err, d.err)))
	}
}

// stop drains the service and returns the error of its run.
func (d *Driver) stop() error {
	if d.cancel == nil {
		return d.err
	}
	d.cancel()
	<-d.ended
	d.cancel = nil
	return d.err
}

// Restart drains the service and starts another one with the same state.
func (d *Driver) Restart() {
	d.t.Helper()
	if err := d.stop(); err != nil {
		d.t.Fatalf("the service ended with: %v", err)
	}
	d.start()
}

// Crash cuts the service off, as a kill of its process would, and starts
// another one with what was committed.
func (d *Driver) Crash() {
	d.t.Helper()
	d.b.crash()
	_ = d.stop()
	d.start()
}

// Send writes records as another program would, to topics and tables, one
// after the other, and lets the topology come to rest after each.
func (d *Driver) Send(records ...pipeline.Record) {
	d.t.Helper()
	for _, r := range records {
		if err := d.TrySend(r); err != nil {
			d.t.Fatal(err)
		}
	}
}

// Pipe is Send for many records: the topology comes to rest after the last.
func (d *Driver) Pipe(records ...pipeline.Record) {
	d.t.Helper()
	for _, r := range records {
		if err := d.append(r); err != nil {
			d.t.Fatal(err)
		}
	}
	if err := d.settle(); err != nil {
		d.t.Fatal(err)
	}
}

// TrySend is Send of one record that returns what stopped the topology.
func (d *Driver) TrySend(r pipeline.Record) error {
	if err := d.append(r); err != nil {
		return err
	}
	return d.settle()
}

func (d *Driver) append(r pipeline.Record) error {
	if r.Time().IsZero() {
		r = r.At(d.clock())
	}
	ctx, cancel := context.WithTimeout(context.Background(), d.patience)
	defer cancel()
	n, err := d.b.partitions(ctx, r.Topic())
	if err != nil {
		return err
	}
	tr, err := r.In(n).Encoded()
	if err != nil {
		return err
	}
	return d.b.append(ctx, tr)
}

// settle waits until all is committed and read, or the service ended.
func (d *Driver) settle() error {
	ctx, cancel := context.WithTimeout(context.Background(), d.patience)
	defer cancel()
	ended := d.ended
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-ended:
			cancel()
		case <-ctx.Done():
		}
	})
	err := d.rest(ctx)
	if err == nil {
		err = d.service.SyncTables(ctx)
	}
	cancel()
	watch.Wait()
	select {
	case <-ended:
		return errors.Join(errors.New("the topology stopped"), d.err)
	default:
	}
	if err != nil {
		return fmt.Errorf("the topology did not come to rest: %w; it is %+v", err, d.service.Status())
	}
	return nil
}

// Expect checks that the topics of the given records hold just these new
// records, in this order for each key, which is the order that Kafka keeps;
// and that the given entries of tables are there. Times are compared where
// they were set with At.
func (d *Driver) Expect(want ...pipeline.Record) {
	d.t.Helper()
	var topics []string
	streams := map[string][]pipeline.Record{}
	for _, w := range want {
		if w.IsRow() {
			d.expectRow(w)
			continue
		}
		if streams[w.Topic()] == nil {
			topics = append(topics, w.Topic())
		}
		streams[w.Topic()] = append(streams[w.Topic()], w)
	}
	for _, topic := range topics {
		d.expectStream(topic, streams[topic])
	}
}

// ExpectNone checks that there are no new records in topics.
func (d *Driver) ExpectNone(topics ...pipeline.Ref) {
	d.t.Helper()
	for _, topic := range topics {
		for _, r := range d.unseen(topic.Name()) {
			d.t.Errorf("topic %s: unexpected record %q: %s", topic.Name(), r.Key, r.Value)
		}
	}
}

func (d *Driver) expectRow(w pipeline.Record) {
	d.t.Helper()
	var value []byte
	for _, r := range d.all(w.Topic()) {
		if string(r.Key) == w.Key() {
			value = r.Value
		}
	}
	if !same(w, value) {
		d.t.Errorf("table %s[%q] is %s, want %+v", w.Topic(), w.Key(), show(w, value), w.Value())
	}
}

func (d *Driver) expectStream(topic string, want []pipeline.Record) {
	d.t.Helper()
	byKey := map[string][]pipeline.Record{}
	for _, w := range want {
		byKey[w.Key()] = append(byKey[w.Key()], w)
	}
	for _, got := range d.unseen(topic) {
		k := string(got.Key)
		ws := byKey[k]
		if len(ws) == 0 {
			d.t.Errorf("topic %s: unexpected record %q: %s", topic, k, show(want[0], got.Value))
			continue
		}
		w := ws[0]
		byKey[k] = ws[1:]
		if !same(w, got.Value) {
			d.t.Errorf("topic %s, key %q: %s, want %+v", topic, k, show(w, got.Value), w.Value())
		}
		if at := w.Time(); !at.IsZero() && !at.Equal(got.Timestamp) {
			d.t.Errorf("topic %s, key %q: time %v, want %v", topic, k, got.Timestamp.UTC(), at)
		}
	}
	for k, ws := range byKey {
		for _, w := range ws {
			d.t.Errorf("topic %s, key %q: missing %+v", topic, k, w.Value())
		}
	}
}

func (d *Driver) all(topic string) []*transport.Record {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d.patience)
	defer cancel()
	rs, err := d.b.records(ctx, topic)
	if err != nil {
		d.t.Fatal(err)
	}
	return rs
}

func (d *Driver) unseen(topic string) []*transport.Record {
	d.t.Helper()
	rs := d.all(topic)
	rest := rs[d.seen[topic]:]
	d.seen[topic] = len(rs)
	return rest
}

// same compares by the decoded values.
func same(w pipeline.Record, b []byte) bool {
	got, err := w.Decode(b)
	if err != nil {
		return false
	}
	want := w.Value()
	if want != nil { // as it looks after a way through the codec
		if tr, err := w.Encoded(); err == nil {
			if v, err := w.Decode(tr.Value); err == nil {
				want = v
			}
		}
	}
	return reflect.DeepEqual(got, want)
}

func show(w pipeline.Record, b []byte) string {
	v, err := w.Decode(b)
	if err != nil {
		return fmt.Sprintf("%q (%v)", b, err)
	}
	return fmt.Sprintf("%+v", v)
}
