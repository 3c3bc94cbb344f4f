package engine_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/transport/memory"
	"github.com/millrace/millrace/pipeline"
)

// withStandbys runs a service with standbys, and counts what it restores and
// promotes.
func (l *lab) withStandbys(machine string, n int, restored, promoted *atomic.Int64, tweak ...func(*engine.Config)) *service {
	tweak = append(tweak, func(c *engine.Config) {
		c.Standbys = n
		c.RemoveStore = func(s engine.StoreSpec) error { return l.removeStore(machine, s) }
		c.Metrics.Restoring = func(r engine.RestoreStats) {
			if r.Done {
				restored.Add(r.Records)
			}
		}
		c.Metrics.Promoted = func(string, int32) { promoted.Add(1) }
	})
	return l.start(machine, countAndEmit(), tweak...)
}

// killOne kills one of several services as kill -9 would.
func (l *lab) killOne(machine string, s *service) {
	l.KillMembers(machine)
	_ = s.stop()
}

// standbys returns the machines' standbys, as "machine/partition".
func standbys(services map[string]*service) (all []string) {
	for machine, s := range services {
		for _, t := range s.Status().Tables {
			if t.Role == "standby" {
				all = append(all, fmt.Sprintf("%s/%d", machine, t.Partition))
			}
		}
	}
	slices.Sort(all)
	return all
}

// owners returns the partitions that each machine has opened.
func owners(services map[string]*service) (all []string) {
	for machine, s := range services {
		for _, proc := range s.Status().Processors { // none before it runs
			for _, p := range proc.Partitions {
				if p.Ready {
					all = append(all, fmt.Sprintf("%s/%d", machine, p.ID))
				}
			}
		}
	}
	slices.Sort(all)
	return all
}

// synced waits until no standby of any service lags, and there are n of them. A
// standby knows the end of its log as of its last read: it is asked again after
// it has read what is there now.
func (l *lab) synced(services map[string]*service, n int) {
	l.t.Helper()
	current := func() bool {
		found := 0
		for _, s := range services {
			for _, t := range s.Status().Tables {
				if t.Role == "standby" && t.Lag == 0 && t.Ready {
					found++
				}
			}
		}
		return found == n
	}
	what := fmt.Sprintf("%d standbys without a lag", n)
	l.until(what, current)
	ctx, cancel := context.WithTimeout(l.t.Context(), 20*time.Second)
	defer cancel()
	for _, s := range services {
		if err := s.SyncTables(ctx); err != nil {
			l.t.Fatal(err)
		}
	}
	l.until(what, current)
}

// A member that is killed is replaced by its standby, which reads nothing but
// what it has not read yet.
func TestExactlyOnceStandbyIsPromoted(t *testing.T) {
	const keys, partitions = 3_000, 4
	l := newLab(t, partitions, "in", "out")
	want := map[string]int{}
	send := func(n int) {
		for i := range n {
			k := fmt.Sprint("key-", i)
			want[k]++
			l.send("in", k)
		}
	}
	var restored, promoted atomic.Int64
	services := map[string]*service{}
	for _, m := range []string{"a", "b"} {
		services[m] = l.withStandbys(m, 1, &restored, &promoted)
	}
	l.until("two partitions each", func() bool {
		all := owners(services)
		return len(all) == partitions && strings.HasPrefix(all[1], "a") && strings.HasPrefix(all[2], "b")
	})
	send(keys)
	l.settled(group, "in")
	l.synced(services, partitions)
	if got, want := len(standbys(services)), partitions; got != want {
		t.Errorf("%d standbys, want %d", got, want)
	}
	restored.Store(0)
	promoted.Store(0)
	l.killOne("a", services["a"])
	delete(services, "a")
	l.until("all partitions with b", func() bool { return len(owners(services)) == partitions })
	send(keys)
	l.settled(group, "in")
	l.wantEachOnce(want)
	if n := restored.Load(); n != 0 {
		t.Errorf("%d records were restored, want none: the standby had all", n)
	}
	if n := promoted.Load(); n != 2 {
		t.Errorf("%d standbys were promoted, want 2", n)
	}
	if got := standbys(services); len(got) != 0 {
		t.Errorf("standbys %q beside the owner of all", got)
	}
}

// A standby that lags reads what it lacks when it is promoted, and no more: also
// what was part of a transaction that was open when it last read.
func TestExactlyOnceStandbyReadsWhatItLacks(t *testing.T) {
	const first, late = 200, 20
	l := newLab(t, 1, "in", "out")
	want := map[string]int{}
	send := func(from, n int) {
		for i := range n {
			k := fmt.Sprint("key-", from+i)
			want[k]++
			l.send("in", k)
		}
	}
	var restored, promoted atomic.Int64
	services := map[string]*service{"a": l.withStandbys("a", 1, &restored, &promoted)}
	l.until("the partition with a", func() bool { return len(owners(services)) == 1 })
	services["b"] = l.withStandbys("b", 1, &restored, &promoted)
	send(0, first)
	l.settled(group, "in")
	l.synced(services, 1)
	standby := func() pipeline.TableStatus {
		for _, s := range services["b"].Status().Tables {
			return s
		}
		return pipeline.TableStatus{}
	}

	// A committed transaction, and behind it one that waits for an acknowledgement.
	l.HoldFollowers(true)
	send(0, late)
	l.settled(group, "in")
	var open atomic.Int64
	l.SetHook(func(o memory.Op) memory.Verdict {
		if o.Kind == memory.Produce && o.Record.Topic == "seen" {
			open.Add(1)
			return memory.Verdict{Hold: true}
		}
		return memory.Verdict{}
	})
	send(first, late)
	l.until("an open transaction with changes of the table", func() bool { return open.Load() > 0 })
	l.HoldFollowers(false)
	l.until("the standby to have read up to it", func() bool { return standby().Lag > 0 && standby().Lag <= open.Load() })

	// It is committed, and the standby does not hear of it.
	l.HoldFollowers(true)
	l.SetHook(nil)
	l.Release()
	l.settled(group, "in")
	restored.Store(0)
	promoted.Store(0)
	l.killOne("a", services["a"])
	delete(services, "a")
	l.until("the partition with b", func() bool { return len(owners(services)) == 1 })
	send(0, late)
	send(first, late)
	l.settled(group, "in")
	l.HoldFollowers(false)
	l.wantEachOnce(want)
	if r, p := restored.Load(), promoted.Load(); r != late || p != 1 {
		t.Errorf("%d records restored and %d promotions, want %d and one", r, p, late)
	}
}

// A partition that moves leaves a standby behind, in the same stores, and comes
// back to it.
func TestExactlyOnceOwnerBecomesAStandby(t *testing.T) {
	l := newLab(t, 2, "in", "out")
	want := map[string]int{}
	send := func() {
		for i := range 200 {
			k := fmt.Sprint("key-", i)
			want[k]++
			l.send("in", k)
		}
	}
	var restored, promoted atomic.Int64
	services := map[string]*service{"a": l.withStandbys("a", 1, &restored, &promoted)}
	send()
	l.settled(group, "in")
	opened := l.openings("a")
	services["b"] = l.withStandbys("b", 1, &restored, &promoted)
	l.until("a partition each", func() bool { return slices.Equal(owners(services), []string{"a/0", "b/1"}) })
	l.synced(services, 2)
	send()
	l.settled(group, "in")
	l.synced(services, 2)
	restored.Store(0)
	promoted.Store(0)
	if err := services["b"].stop(); err != nil {
		t.Fatal(err)
	}
	delete(services, "b")
	l.until("all with a again", func() bool { return slices.Equal(owners(services), []string{"a/0", "a/1"}) })
	send()
	l.settled(group, "in")
	l.wantEachOnce(want)
	if n := l.openings("a") - opened; n != 0 {
		t.Errorf("a opened %d stores: that of the partition that moved was to stay open", n)
	}
	if r, p := restored.Load(), promoted.Load(); r != 0 || p != 1 {
		t.Errorf("%d records restored, %d promotions, want none and one", r, p)
	}
}

// What a member neither owns nor keeps a standby of is removed after a while, and
// nothing else.
func TestExactlyOnceLeftoversAreRemoved(t *testing.T) {
	const partitions = 6
	l := newLab(t, partitions, "in", "out")
	want := map[string]int{}
	send := func() {
		for i := range 60 {
			k := fmt.Sprint("key-", i)
			want[k]++
			l.send("in", k)
		}
		l.settled(group, "in")
	}
	var restored, promoted atomic.Int64
	soon := func(c *engine.Config) { c.CleanupDelay = 20 * time.Millisecond }
	services := map[string]*service{}
	for i, m := range []string{"a", "b", "c"} {
		services[m] = l.withStandbys(m, 1, &restored, &promoted, soon)
		send()
		l.until("partitions, standbys and nothing else", func() bool {
			for m := range services {
				if i > 0 && len(l.kept(m)) != 2*partitions/len(services) {
					return false
				}
			}
			return len(owners(services)) == partitions
		})
	}
	l.killOne("b", services["b"])
	delete(services, "b")
	send()
	l.wantEachOnce(want)
}

// Random histories with standbys: records, kills of one service or all, services
// that come and go, disks that are wiped. Each record's effect is there once, and
// no store is open twice, be it by an owner and a standby.
func TestExactlyOnceStandbysThroughRandomHistories(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		t.Run("history", func(t *testing.T) { standbyHistory(t, rt) })
	})
}

func standbyHistory(t *testing.T, rt *rapid.T) {
	machines := []string{"m1", "m2", "m3"}
	l := newLab(t, rapid.Int32Range(1, 5).Draw(rt, "partitions"), "in", "out")
	n := rapid.IntRange(1, 2).Draw(rt, "standbys")
	var restored, promoted atomic.Int64
	running := map[string]*service{}
	want := map[string]int{}
	hold := false
	for range rapid.IntRange(3, 24).Draw(rt, "steps") {
		machine := rapid.SampledFrom(machines).Draw(rt, "machine")
		s := running[machine]
		switch step := rapid.SampledFrom([]string{"send", "send", "send", "start", "start", "stop", "kill", "kill all", "expel", "wipe",
			"hold", "settle", "settle", "settle"}).Draw(rt, "step"); step {
		case "send":
			for range rapid.IntRange(1, 8).Draw(rt, "records") {
				k := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g"}).Draw(rt, "key")
				want[k]++
				l.send("in", k)
			}
		case "start":
			if s == nil {
				delay := rapid.SampledFrom([]time.Duration{time.Millisecond, 0}).Draw(rt, "cleanup after")
				running[machine] = l.withStandbys(machine, rapid.SampledFrom([]int{n, n, 0}).Draw(rt, "its standbys"), &restored, &promoted,
					func(c *engine.Config) { c.CleanupDelay = delay }, briefDrain)
			}
		case "stop":
			if s != nil {
				_ = s.stop() // its last commit may meet an expulsion
				delete(running, machine)
			}
		case "kill":
			if s != nil {
				l.killOne(machine, s)
				delete(running, machine)
			}
		case "kill all":
			l.kill(slices.Collect(maps.Values(running))...)
			clear(running)
		case "expel":
			l.Expel(group)
		case "wipe":
			if len(running) == 0 {
				l.wipe()
			}
		case "hold": // standbys lag from now on, or no longer
			hold = !hold
			l.HoldFollowers(hold)
		case "settle":
			if len(running) > 0 {
				l.neverMind(group, "in")
			}
		}
	}
	l.kill(slices.Collect(maps.Values(running))...)
	s := l.withStandbys("m1", n, &restored, &promoted)
	if len(want) > 0 {
		l.settled(group, "in")
	}
	if err := s.stop(); err != nil {
		t.Fatalf("the last service: %v", err)
	}
	l.wantEachOnce(want)
}
