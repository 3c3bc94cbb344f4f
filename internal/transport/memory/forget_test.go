package memory

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/millrace/millrace/internal/transport"
)

// TestForget writes more than is kept: of a topic that a group reads only what it
// has not committed is left, of a compacted one the newest record of each key and
// what a follower has not read, of one that nobody reads all.
func TestForget(t *testing.T) {
	c := New(Config{Forget: true})
	compacted := map[string]string{"cleanup.policy": "compact"}
	for _, s := range []transport.TopicSpec{{Name: "in", Partitions: 1}, {Name: "out", Partitions: 1}, {Name: "table", Partitions: 1, Config: compacted},
		{Name: "followed", Partitions: 1, Config: compacted}} {
		if err := c.Create(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	m, err := c.Join(t.Context(), transport.GroupConfig{Group: "g", Topics: []string{"in"}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var follower int64 = 5
	unregister, err := c.register(transport.TopicPartition{Topic: "followed"}, &follower)
	if err != nil {
		t.Fatal(err)
	}
	defer unregister()
	const n = 3 * forgetAt
	write := func(from, to int) {
		t.Helper()
		for i := from; i < to; i++ {
			for _, topic := range []string{"in", "out", "table", "followed"} {
				r := &transport.Record{Topic: topic, Key: fmt.Append(nil, i%10), Value: fmt.Append(nil, i)}
				if i%10 == 3 && topic == "table" {
					r.Value = nil
				}
				if err := c.Append(r, false); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	write(0, n)
	if got := len(c.Records("in")); got != n {
		t.Errorf("%d records are left before any was committed, of %d", got, n)
	}
	if _, err := m.Poll(limit(t)); err != nil {
		t.Fatal(err)
	}
	if err := m.Commit(limit(t), transport.Offsets{"in": {0: n - 1}}); err != nil {
		t.Fatal(err)
	}
	write(n, 3*n)
	for topic, most := range map[string]int{"in": 2*n + 2*forgetAt, "table": 2 * forgetAt} {
		if got := len(c.Records(topic)); got > most {
			t.Errorf("%d records of %s are left, want at most %d", got, topic, most)
		}
	}
	for topic, want := range map[string]int{"out": 3 * n, "followed": 3*n - 5} {
		if got := len(c.Records(topic)); got < want {
			t.Errorf("%d records of %s are left, want %d", got, topic, want)
		}
	}
	newest := map[string]string{}
	stop := errors.New("enough")
	err = c.ReadTable(limit(t), transport.TopicPartition{Topic: "table"}, 0, 3*n, func(b transport.TableBatch) error {
		for _, r := range b.Records {
			newest[string(r.Key)] = string(r.Value)
		}
		return stop
	})
	if !errors.Is(err, stop) || newest["7"] != fmt.Sprint(lastWith(7, 3*n)) || newest["3"] != "" || len(newest) < 9 {
		t.Errorf("%v; the newest are %v", err, newest)
	}
	if got := len(c.Journal()); got != 0 {
		t.Errorf("the journal has %d entries", got)
	}
	// Offsets stay what they are.
	first := c.Records("in")[0]
	if first.Offset < 1 || string(first.Value) != fmt.Sprint(first.Offset) {
		t.Errorf("the first record that is left has offset %d and value %s", first.Offset, first.Value)
	}
}

// lastWith is the greatest number below n that ends with a digit.
func lastWith(digit, n int) int { return n - 1 - ((n-1-digit)%10+10)%10 }

// TestForgetTransactions keeps what is open, and takes what was aborted for nothing.
func TestForgetTransactions(t *testing.T) {
	c := New(Config{Forget: true})
	for _, s := range []transport.TopicSpec{{Name: "in", Partitions: 1},
		{Name: "table", Partitions: 1, Config: map[string]string{"cleanup.policy": "compact"}}} {
		if err := c.Create(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	m, err := c.Join(t.Context(), transport.GroupConfig{Group: "g", Topics: []string{"in"}, TransactionalID: "t"})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	put := func(value string) {
		t.Helper()
		done := make(chan error, 1)
		m.Produce(limit(t), &transport.Record{Topic: "table", Key: []byte("k"), Value: []byte(value)},
			func(_ *transport.Record, err error) { done <- err })
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	begin := func() {
		t.Helper()
		if err := m.Begin(limit(t)); err != nil {
			t.Fatal(err)
		}
	}
	begin()
	put("committed")
	if err := m.CommitTransaction(limit(t), nil); err != nil {
		t.Fatal(err)
	}
	begin()
	put("aborted")
	if err := m.AbortTransaction(context.Background()); err != nil {
		t.Fatal(err)
	}
	begin()
	for i := range 2 * forgetAt {
		put(fmt.Sprint("open ", i))
	}
	if rs := c.Records("table"); len(rs) != 1 || string(rs[0].Value) != "committed" {
		t.Errorf("records %v, want the committed one", rs)
	}
	if err := m.CommitTransaction(limit(t), nil); err != nil {
		t.Fatal(err)
	}
	begin()
	for i := range 2 * forgetAt {
		put(fmt.Sprint("more ", i))
	}
	if rs := c.Records("table"); len(rs) == 0 || len(rs) > 2*forgetAt || string(rs[len(rs)-1].Value) != fmt.Sprint("open ", 2*forgetAt-1) {
		t.Errorf("%d records, want the newest of the transaction that was committed", len(rs))
	}
}
