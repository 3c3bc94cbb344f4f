package transporttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/millrace/millrace/internal/transport"
)

func testGroupReadsAll(l *lab) {
	a, b := l.topic(3), l.topic(3)
	for p := range int32(3) {
		l.send(a, p, fmt.Sprint("a", p), "x")
		l.send(b, p, fmt.Sprint("b", p))
	}
	m := l.join(l.name("group"), a, b).poll()
	for p := range int32(3) {
		l.until("records of before the group", func() bool { return len(m.got(a, p)) == 2 && len(m.got(b, p)) == 1 })
		if got := m.got(a, p); !slices.Equal(got, []string{fmt.Sprint("a", p), "x"}) {
			l.Errorf("partition %d: %q", p, got)
		}
	}
	l.send(a, 1, "later")
	l.until("a later record", func() bool { return slices.Contains(m.got(a, 1), "later") })
	m.mu.Lock()
	defer m.mu.Unlock()
	if end := m.ends[transport.TopicPartition{Topic: a, Partition: 1}]; end != 3 {
		l.Errorf("end %d, want 3", end)
	}
}

func testGroupGoesOn(l *lab) {
	topic, group := l.topic(1), l.name("group")
	l.send(topic, 0, "0", "1", "2")
	m := l.join(group, topic).poll()
	l.until("the records", func() bool { return len(m.got(topic, 0)) == 3 })
	if err := m.Commit(l.ctx, transport.Offsets{topic: {0: 2}}); err != nil {
		l.Fatal(err)
	}
	if id, generation := m.Member(); id == "" || generation < 0 {
		l.Errorf("member %q, generation %d", id, generation)
	}
	if err := m.Commit(l.ctx, transport.Offsets{}); err != nil {
		l.Errorf("a commit of nothing: %v", err)
	}
	m.halt()
	if err := m.Leave(l.ctx); err != nil {
		l.Fatal(err)
	}
	if ps := m.owns(topic); len(ps) > 0 {
		l.Errorf("%v was not revoked by Leave", ps)
	}
	n := l.join(group, topic).poll()
	l.until("what was not committed", func() bool { return len(n.got(topic, 0)) > 0 })
	if got := n.got(topic, 0); !slices.Equal(got, []string{"2"}) {
		l.Errorf("%q, want what was not committed", got)
	}
}

func testGroupPauses(l *lab) {
	topic := l.topic(2)
	l.send(topic, 0, "0")
	m := l.join(l.name("group"), topic).poll()
	l.until("the record", func() bool { return len(m.got(topic, 0)) == 1 })
	m.Pause(transport.Assignment{topic: {0}})
	l.send(topic, 0, "1", "2")
	for i := range 3 { // rounds in which the paused one would come as well
		l.send(topic, 1, fmt.Sprint(i))
		l.until("the other partition", func() bool { return len(m.got(topic, 1)) == i+1 })
	}
	// One fetch may have been under way.
	if got := m.got(topic, 0); len(got) > 1 {
		l.Errorf("%q came of a paused partition", got[1:])
	}
	m.Resume(transport.Assignment{topic: {0}})
	l.until("all records", func() bool { return len(m.got(topic, 0)) >= 3 })
	if got := m.got(topic, 0); !slices.Equal(got, []string{"0", "1", "2"}) {
		l.Errorf("%q", got)
	}
}

// equal says whether two members have all partitions of two topics, in equal
// parts and co-partitioned.
func shared(a, b *member, n int, topics ...string) bool {
	for _, t := range topics {
		if !slices.Equal(a.owns(t), a.owns(topics[0])) || !slices.Equal(b.owns(t), b.owns(topics[0])) {
			return false
		}
	}
	return len(a.owns(topics[0])) == n/2 && len(b.owns(topics[0])) == n/2
}

func testGroupShares(l *lab) {
	x, y, group := l.topic(4), l.topic(4), l.name("group")
	steps := make(chan string, 64)
	a := l.join(group, x, y)
	a.name, a.log = "a", func(s string) { steps <- s }
	a.poll()
	l.until("all at one", func() bool { return len(a.owns(x)) == 4 && len(a.owns(y)) == 4 })
	b := l.join(group, x, y)
	b.name, b.log = "b", func(s string) { steps <- s }
	b.poll()
	l.until("half each", func() bool { return shared(a, b, 4, x, y) })

	// Nothing belongs to two at a time.
	owner := map[string]string{}
	for len(steps) > 0 {
		var who, what, p string
		s := <-steps
		if _, err := fmt.Sscan(s, &who, &what, &p); err != nil {
			l.Fatal(err)
		}
		if what == "assigned" && owner[p] != "" && owner[p] != who {
			l.Errorf("%s, while %s has it", s, owner[p])
		}
		owner[p] = who
		if what != "assigned" {
			owner[p] = ""
		}
	}
	for p := range int32(4) {
		l.send(x, p, "v")
		l.until("one record", func() bool { return len(a.got(x, p))+len(b.got(x, p)) == 1 })
	}
	b.halt()
	b.Close()
	l.until("all at one again", func() bool { return len(a.owns(x)) == 4 && len(a.owns(y)) == 4 })
	if a.lost > 0 {
		l.Errorf("lost %d times", a.lost)
	}
}

// A partition that was paused when it went away is fetched when it comes back.
func testGroupPausedComesBack(l *lab) {
	topic, group := l.topic(2), l.name("group")
	a := l.join(group, topic).poll()
	l.until("both at one", func() bool { return len(a.owns(topic)) == 2 })
	a.Pause(transport.Assignment{topic: {0, 1}})
	b := l.join(group, topic).poll()
	l.until("one each", func() bool { return shared(a, b, 2, topic) })
	gone := b.owns(topic)[0]
	b.halt()
	b.Close()
	l.until("both at one again", func() bool { return len(a.owns(topic)) == 2 })
	l.send(topic, gone, "v")
	l.until("a record of the partition that came back", func() bool { return len(a.got(topic, gone)) == 1 })
}

func testGroupCommitsInRevocation(l *lab) {
	topic, group := l.topic(2), l.name("group")
	l.send(topic, 0, "0", "1")
	l.send(topic, 1, "0", "1")
	a := l.join(group, topic)
	a.revoked = func(as transport.Assignment) {
		offsets := transport.Offsets{topic: {}}
		for _, p := range as[topic] {
			offsets[topic][p] = 2
		}
		if err := a.Commit(l.ctx, offsets); err != nil {
			l.Errorf("commit in the revocation: %v", err)
		}
	}
	a.poll()
	l.until("the records", func() bool { return len(a.got(topic, 0))+len(a.got(topic, 1)) == 4 })
	b := l.join(group, topic).poll()
	l.until("one each", func() bool { return shared(a, b, 2, topic) })
	p := b.owns(topic)[0]
	l.send(topic, p, "new")
	l.until("a new record", func() bool { return slices.Contains(b.got(topic, p), "new") })
	if got := b.got(topic, p); !slices.Equal(got, []string{"new"}) {
		l.Errorf("%q, want what came after the commit", got)
	}
	if err := a.Commit(l.ctx, transport.Offsets{topic: {p: 0}}); !errors.Is(err, transport.ErrFenced) {
		l.Errorf("commit of a partition that went away: %v, want ErrFenced", err)
	}
}

// A member that has polled and does something else holds up a rebalance, unless
// it says that it does not mind.
func testGroupReleases(l *lab) {
	topic, group := l.topic(2), l.name("group")
	l.send(topic, 0, "0")
	a := l.join(group, topic)
	if _, err := a.Poll(l.ctx); err != nil {
		l.Fatal(err)
	}
	a.Release()
	b := l.join(group, topic).poll()
	l.until("one each", func() bool { return shared(a, b, 2, topic) })
}

func testGroupRefusesCommits(l *lab) {
	topic := l.topic(1)
	m := l.join(l.name("group"), topic)
	if err := m.Commit(l.ctx, transport.Offsets{topic: {0: 1}}); !errors.Is(err, transport.ErrFenced) {
		l.Errorf("before the member joined: %v", err)
	}
	m.poll()
	l.until("the assignment", func() bool { return len(m.owns(topic)) == 1 })
	if err := m.Commit(l.ctx, transport.Offsets{topic: {0: 0}}); err != nil {
		l.Error(err)
	}
	m.halt()
	if err := m.Leave(l.ctx); err != nil {
		l.Fatal(err)
	}
	if err := m.Commit(l.ctx, transport.Offsets{topic: {0: 1}}); !errors.Is(err, transport.ErrFenced) {
		l.Errorf("after the member left: %v", err)
	}
	if err := m.Leave(l.ctx); err != nil {
		l.Errorf("leave again: %v", err)
	}
}

func testGroupClosed(l *lab) {
	topic := l.topic(1)
	m := l.join(l.name("group"), topic)
	ctx, cancel := context.WithTimeout(l.ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := m.Poll(ctx); !errors.Is(err, context.DeadlineExceeded) {
		l.Errorf("poll until its context ends: %v", err)
	}
	m.Close()
	if _, err := m.Poll(l.ctx); !errors.Is(err, transport.ErrClosed) {
		l.Errorf("poll of a closed member: %v", err)
	}
	if err := produce(l.ctx, m, &transport.Record{Topic: topic, Value: []byte("v")}); !errors.Is(err, transport.ErrClosed) {
		l.Errorf("produce with a closed member: %v", err)
	}
}
