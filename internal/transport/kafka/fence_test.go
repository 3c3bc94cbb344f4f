package kafka

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/transport"
)

// A member that is gone in the middle of a transaction holds nobody up longer
// than its session: who gets its partitions ends the transaction, whose timeout
// is longer than the test.
func TestTransactionOfAMemberThatIsGoneIsEnded(t *testing.T) {
	c := newTestCluster(t, brokers(t), func(c *Config) { c.SessionTimeout = 6 * time.Second })
	in, out := newTopic(t, c, 1), unique(t, "out")
	if err := c.Create(limited(t), transport.TopicSpec{Name: out, Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	group := unique(t, "group")
	join := func(cfg transport.GroupConfig) *transactor {
		cfg.Group, cfg.Topics, cfg.TransactionTimeout = group, []string{in}, 10*time.Minute
		cfg.TransactionalID = unique(t, "tx")
		x := &transactor{t: t, in: in, out: out, ctx: limited(t), next: map[int32]int64{}}
		var err error
		if x.g, err = c.Join(x.ctx, cfg); err != nil {
			t.Fatal(err)
		}
		if err := x.g.Begin(x.ctx); err != nil {
			t.Fatal(err)
		}
		return x
	}
	handle := func(x *transactor) {
		for n := 0; n == 0; {
			n = x.poll()
		}
	}
	commit := func(x *transactor) {
		t.Helper()
		if err := x.g.CommitTransaction(x.ctx, x.offsets()); err != nil {
			t.Fatal(err)
		}
	}

	send(t, c, in, 0, "0", "1")
	gone := join(transport.GroupConfig{InstanceID: "static"}) // one that says no farewell
	handle(gone)
	commit(gone)
	if err := gone.g.Begin(gone.ctx); err != nil {
		t.Fatal(err)
	}
	send(t, c, in, 0, "2", "3")
	handle(gone)
	gone.g.Close()

	heir := join(transport.GroupConfig{})
	defer heir.g.Close()
	handle(heir)
	commit(heir)
	if got := committed(t, c, out, 1); !slices.Equal(got, numbers(4)) {
		t.Errorf("committed %v, want each of four once", got)
	}
}

func FuzzSignature(f *testing.F) {
	f.Add(signature{"member", "id"}.String())
	f.Add("")
	f.Add("{}")
	f.Add(`{"member":"m"}`)
	f.Add(strings.Repeat("[", maxSignature+1))
	f.Fuzz(func(t *testing.T, metadata string) {
		s, ok := parseSignature(metadata)
		if !ok {
			return
		}
		if again, ok := parseSignature(s.String()); s.String() != "" && (!ok || again != s) {
			t.Errorf("%q is %+v, which is written as %q and read as %+v", metadata, s, s.String(), again)
		}
	})
}
