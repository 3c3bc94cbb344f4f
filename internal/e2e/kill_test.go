//go:build kafka && unix

package e2e

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/kafkacluster"
	"github.com/millrace/millrace/internal/kafkacluster/kafkatest"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/pipeline"
)

// The numbers of a kill: records in all, distinct keys among them, how many are
// committed when it is done, and how many are sent before it. They are 100,000,
// 50,000, 20,000 and 60,000 in the long form, and an eighth of that in the short one.
var (
	killRecords = 100_000 / shorter()
	killKeys    = killRecords / 2
	killAfter   = killRecords / 5
	killBefore  = killRecords * 3 / 5
)

// long says whether the long forms are wanted: make test-faults.
func long() bool { return os.Getenv("MILLRACE_FAULTS") == "long" }

func shorter() int {
	if long() {
		return 1
	}
	return 8
}

// feed sends all records: record i has key i mod killKeys and value i. It waits
// at killBefore until the fault was done.
func (w *world) feed(topic string, fault <-chan struct{}) error {
	p, err := w.cluster.NewProducer(w.ctx, transport.ProducerConfig{})
	if err != nil {
		return err
	}
	defer p.Close()
	var acks sync.WaitGroup
	var mu sync.Mutex
	var first error
	for i := range killRecords {
		if i == killBefore {
			select {
			case <-fault:
			case <-w.ctx.Done():
				return w.ctx.Err()
			}
		}
		acks.Add(1)
		p.Produce(w.ctx, record(topic, fmt.Sprint("key-", i%killKeys), fmt.Sprint(i)), func(_ *transport.Record, err error) {
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

// killed runs two processes in one group, sends killRecords records, does a
// fault in the middle, and counts at the far end.
func killed(w *world, g pipeline.Guarantee, fault func(one, two *process) error, mend func() error) {
	a := app(w.app)
	one := w.spawn("one", g)
	w.until("the first service to have all", func() bool { return fmt.Sprint(one.ready()) == "[4 4 4]" })
	two := w.spawn("two", g)
	w.until("two partitions of each processor for each", func() bool {
		return fmt.Sprint(one.ready()) == "[2 2 2]" && fmt.Sprint(two.ready()) == "[2 2 2]"
	})
	if g == pipeline.ExactlyOnce {
		w.until("standbys of two partitions of both tables for each", func() bool { return one.standbys() == 4 && two.standbys() == 4 })
	}
	done, fed := make(chan struct{}), make(chan error, 1)
	began := time.Now()
	go func() { fed <- w.feed(a.topic("in"), done) }()
	committed := func() (n int64) {
		offsets, err := w.cluster.GroupOffsets(w.ctx, a.group("dedupe"))
		if err != nil {
			return 0
		}
		for _, o := range offsets[a.topic("in")] {
			n += o
		}
		return n
	}
	w.until("the middle", func() bool { return committed() >= int64(killAfter) })
	at := committed()
	if at >= int64(killRecords) {
		w.Fatalf("%d records were committed before the fault", at)
	}
	if err := fault(one, two); err != nil {
		w.Fatal(err)
	}
	failed := time.Now()
	close(done)
	if err := <-fed; err != nil {
		w.Fatal(err)
	}
	groups := []string{"dedupe", "count", "pass"}
	for _, group := range groups {
		w.settled(a.group(group), a.topic("in"))
	}
	w.Logf("%d of %d records were committed at the fault; all after %v more", at, killRecords, time.Since(failed).Round(time.Millisecond))
	if err := mend(); err != nil {
		w.Fatal(err)
	}
	for name, p := range map[string]*process{"one": one, "two": two} {
		if p.cmd.ProcessState == nil {
			if err := p.drain(); err != nil {
				w.Errorf("the drain of %s: %v", name, err)
			}
		}
	}

	exact := g == pipeline.ExactlyOnce
	passed, unique, rows := w.count(a.topic("passed")), w.count(a.topic("unique")), w.rows(a.topic("counts"))
	lost, twice := 0, 0
	for i := range killRecords {
		switch n := passed[fmt.Sprint(i)]; {
		case n == 0:
			lost++
		case n > 1:
			twice += n - 1
		}
	}
	lostKeys, twiceKeys, under, over := 0, 0, 0, 0
	for i := range killKeys {
		key := fmt.Sprint("key-", i)
		switch n := unique[key]; {
		case n == 0:
			lostKeys++
		case n > 1:
			twiceKeys += n - 1
		}
		switch n := w.number(rows[key]); {
		case n < 2:
			under++
		case n > 2:
			over++
		}
	}
	w.Logf("%s, in %v: of %d records %d were lost, %d came twice; of %d keys %d were lost, %d came twice; %d counts are too low, %d too high",
		g, time.Since(began).Round(time.Millisecond), killRecords, lost, twice, killKeys, lostKeys, twiceKeys, under, over)
	if lost+lostKeys+under > 0 || len(passed) > killRecords || len(unique) > killKeys || len(rows) > killKeys {
		w.Error("records were lost, or came from nowhere")
	}
	if exact && twice+twiceKeys+over > 0 {
		w.Error("records came twice")
	}
}

func nothing() error { return nil }

// A service is stopped in its tracks (SIGSTOP), for longer than its session, so
// that another has its partitions and ends its transaction. Then it goes on as
// if nothing had been, and must not be able to commit what it had begun.
func TestZombie(t *testing.T) {
	w := newWorld(t, kafkatest.Addresses(t))
	var zombie *process
	killed(w, pipeline.ExactlyOnce, func(one, _ *process) error {
		zombie = one
		return one.cmd.Process.Signal(syscall.SIGSTOP)
	}, func() error {
		if err := zombie.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			return err
		}
		// What it said before it was stopped may say so already.
		w.until("the zombie to have nothing", func() bool { return fmt.Sprint(zombie.ready()) != "[2 2 2]" })
		w.until("the zombie to live again", func() bool { return fmt.Sprint(zombie.ready()) == "[2 2 2]" })
		return nil
	})
}

// One of two services is killed with -9 in the middle of many records.
func TestKillService(t *testing.T) {
	for _, g := range []pipeline.Guarantee{pipeline.AtLeastOnce, pipeline.ExactlyOnce} {
		t.Run(string(g), func(t *testing.T) {
			w := newWorld(t, kafkatest.Addresses(t))
			killed(w, g, func(one, _ *process) error { return one.kill() }, nothing)
		})
	}
	// Nothing is waited for: the session is half an hour, longer than the test.
	t.Run("watched", func(t *testing.T) {
		w := newWorld(t, kafkatest.Addresses(t))
		w.peers = "yes"
		killed(w, pipeline.ExactlyOnce, func(one, _ *process) error { return one.kill() }, nothing)
	})
}

// A broker is killed with -9, or stopped, and a broker and a service at once.
// The short form is the kill under exactly-once; internal/faulttest stops
// brokers, too.
func TestKillBroker(t *testing.T) {
	kafkatest.Addresses(t) // skips without Kafka
	ctx := t.Context()
	c, err := kafkacluster.Start(ctx, kafkacluster.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	back := func(i int) func() error {
		return func() error { return errors.Join(c.StartNode(ctx, i), c.AwaitInSync(ctx)) }
	}
	for _, tt := range []struct {
		name  string
		g     pipeline.Guarantee
		fault func(one, two *process) error
		mend  func() error
	}{
		{"killed", pipeline.AtLeastOnce, func(_, _ *process) error { return c.Kill(0) }, back(0)},
		{"killed exactly once", pipeline.ExactlyOnce, func(_, _ *process) error { return c.Kill(1) }, back(1)},
		{"stopped", pipeline.AtLeastOnce, func(_, _ *process) error { return c.Stop(2) }, back(2)},
		{"with a service", pipeline.AtLeastOnce, func(one, _ *process) error { return errors.Join(one.kill(), c.Kill(1)) }, back(1)},
	} {
		if !long() && tt.g != pipeline.ExactlyOnce {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			killed(newWorld(t, c.Addresses()), tt.g, tt.fault, tt.mend)
		})
	}
}
