package kafka

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/peers"
	"github.com/millrace/millrace/internal/transport/transporttest"
)

// kill does what the kernel does for a process that is killed.
func kill(t *testing.T, network *transporttest.Line, c *Cluster) {
	t.Helper()
	network.Cut()
	if c.peers != nil {
		if err := c.peers.Close(); err != nil {
			t.Error(err)
		}
	}
}

// long is a session that no test waits for.
func long(c *Config) { c.SessionTimeout, c.RebalanceTimeout = 5*time.Minute, 5*time.Minute }

// A member whose process is killed in the middle of a transaction is replaced
// at once, and what it did counts once: its session, and its transaction's
// timeout, are longer than the test.
func TestDeadMemberIsTakenOut(t *testing.T) {
	addresses := brokers(t)
	var network transporttest.Line
	peer := func(c *Config) { c.PeerAddress = "127.0.0.1:0" }
	heirCluster := newTestCluster(t, addresses, long, peer)
	goneCluster := newTestCluster(t, addresses, long, peer, func(c *Config) { c.Dial = network.Dial })
	in, out := newTopic(t, heirCluster, 2), newTopic(t, heirCluster, 1)
	group := unique(t, "group")
	join := func(c *Cluster) (*transactor, chan transport.Assignment) {
		got := make(chan transport.Assignment, 100)
		x := &transactor{t: t, in: in, out: out, ctx: limited(t), next: map[int32]int64{}}
		var err error
		x.g, err = c.Join(x.ctx, transport.GroupConfig{Group: group, Topics: []string{in}, TransactionalID: unique(t, "tx"),
			TransactionTimeout: 10 * time.Minute, Assigned: func(_ context.Context, a transport.Assignment) { got <- a }})
		if err != nil {
			t.Fatal(err)
		}
		if err := x.g.Begin(x.ctx); err != nil {
			t.Fatal(err)
		}
		return x, got
	}
	send(t, heirCluster, in, 0, "0", "1")
	send(t, heirCluster, in, 1, "2", "3")
	gone, got := join(goneCluster)
	defer gone.g.Close()
	handled := 0
	for handled < 4 {
		handled += gone.poll()
	}
	if a := <-got; len(a[in]) != 2 {
		t.Fatalf("assigned %v, want all", a)
	}
	gone.g.Release() // nothing is in hand: the group may rebalance
	heir, got := join(heirCluster)
	defer heir.g.Close()
	ctx, stop := context.WithCancel(heir.ctx)
	polled := make(chan []transport.Fetch)
	go func() {
		defer close(polled)
		for {
			fetches, err := heir.g.Poll(ctx)
			if err != nil {
				return
			}
			polled <- fetches
		}
	}()
	<-got // it is in the group; its partitions, if any, come with the next rebalance
	watch := heir.g.(*member).watch
	until(t, "watched by the other", func() bool {
		others, err := watch.others(heir.ctx)
		return err == nil && len(others) == 1 && goneCluster.peers.Watchers() > 0
	})
	kill(t, &network, goneCluster)
	values := map[string]bool{}
	for len(values) < 4 {
		select {
		case fetches := <-polled:
			for _, f := range fetches {
				for _, r := range f.Records {
					values[string(r.Value)] = true
				}
			}
		case <-heir.ctx.Done():
			t.Fatalf("got %v, want what the dead member had not committed", values)
		}
	}
	stop()
	for range polled {
	}
	if got := committed(t, heirCluster, out, 1); len(got) != 0 {
		t.Errorf("committed %v, want nothing of the dead member", got)
	}
}

// A process that is killed and started again does not wait for the session of
// the one before.
func TestRestartDoesNotWaitForItself(t *testing.T) {
	addresses := brokers(t)
	var network transporttest.Line
	first := newTestCluster(t, addresses, long, func(c *Config) { c.Dial = network.Dial })
	second := newTestCluster(t, addresses, long)
	in, out := newTopic(t, second, 1), newTopic(t, second, 1)
	group, id := unique(t, "group"), unique(t, "tx")
	send(t, second, in, 0, "0", "1")
	handle := func(x *transactor, n int) {
		t.Helper()
		if err := x.g.Begin(x.ctx); err != nil {
			t.Fatal(err)
		}
		for n > 0 {
			n -= x.poll()
		}
	}
	a := newTransactor(t, first, group, id, in, out)
	defer a.g.Close()
	handle(a, 2)
	if err := a.g.CommitTransaction(a.ctx, a.offsets()); err != nil {
		t.Fatal(err)
	}
	kill(t, &network, first)
	send(t, second, in, 0, "2")
	b := newTransactor(t, second, group, id, in, out)
	defer b.g.Close()
	handle(b, 1)
	if err := b.g.CommitTransaction(b.ctx, b.offsets()); err != nil {
		t.Fatal(err)
	}
	if got := committed(t, second, out, 1); !slices.Equal(got, numbers(3)) {
		t.Errorf("committed %v, want each of three once", got)
	}
}

// Each watches the next three of other processes, in a ring.
func TestWatchList(t *testing.T) {
	self := peers.Peer{Address: "10.0.0.1:7070", Token: peers.Token{1}}
	member := func(id string, p peers.Peer) kmsg.DescribeGroupsResponseGroupMember {
		m := kmsg.NewDescribeGroupsResponseGroupMember()
		m.MemberID = id
		c := copartitioned{}
		if p.Address != "" {
			c.watched = &watched{p, "tx-" + id}
		}
		m.ProtocolMetadata = c.JoinGroupMetadata([]string{"t"}, nil, 0)
		return m
	}
	peer := func(n byte) peers.Peer { return peers.Peer{Address: "10.0.0.2:7070", Token: peers.Token{n}} }
	static := member("b", peer(9))
	static.InstanceID = kmsg.StringPtr("i")
	other := member("bb", peer(9))
	other.ProtocolMetadata = []byte("of another kind")
	all := []kmsg.DescribeGroupsResponseGroupMember{member("g", peer(7)), member("e", peer(5)), member("c", peer(3)), member("d", self), static,
		other, member("bc", peers.Peer{}), member("a", peer(2)), member("f", peer(6))}
	for own, want := range map[string][]string{"a": {"c", "e", "f"}, "d": {"e", "f", "g"}, "f": {"g", "a", "c"}, "g": {"a", "c", "e"}, "b": {"c", "e", "f"}} {
		var got []string
		for _, o := range watchList(all, own, self) {
			got = append(got, o.id)
			if o.transactional != "tx-"+o.id {
				t.Errorf("the transactional id of %s is %q", o.id, o.transactional)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s watches %v, want %v", own, got, want)
		}
	}
}
