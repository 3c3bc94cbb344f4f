package embedded

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func start(t *testing.T, c Config) *Broker {
	t.Helper()
	c.Logger = quiet()
	b, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func client(t *testing.T, b *Broker, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(b.Addresses()...))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func create(t *testing.T, b *Broker, topic string) {
	t.Helper()
	if _, err := kadm.NewClient(client(t, b)).CreateTopic(t.Context(), 1, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
}

// committed reads what a reader of committed records sees, up to the end.
func committed(t *testing.T, b *Broker, topic string) (values []string) {
	t.Helper()
	ends, err := kadm.NewClient(client(t, b)).ListCommittedOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	end, _ := ends.Lookup(topic, 0)
	cl := client(t, b, kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for next := int64(0); next < end.Offset; {
		fs := cl.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			t.Fatalf("at offset %d of %d: %v", next, end.Offset, err)
		}
		fs.EachRecord(func(r *kgo.Record) {
			next = r.Offset + 1
			if !r.Attrs.IsControl() {
				values = append(values, string(r.Value))
			}
		})
	}
	return values
}

func TestConfigIsChecked(t *testing.T) {
	for _, c := range []Config{{Host: "0.0.0.0"}, {Host: "10.0.0.1"}, {Host: "example"}, {Port: -1}, {Port: 70000}} {
		if b, err := Start(t.Context(), c); err == nil {
			b.Close()
			t.Errorf("%+v was accepted", c)
		}
	}
}

func TestFolderIsLocked(t *testing.T) {
	dir := t.TempDir()
	start(t, Config{Dir: dir})
	if _, err := Start(t.Context(), Config{Dir: dir, Logger: quiet()}); !errors.Is(err, ErrLocked) {
		t.Fatalf("a second broker on one folder: %v, want ErrLocked", err)
	}
}

func TestPortIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	n, _ := strconv.Atoi(port)
	if _, err := Start(t.Context(), Config{Port: n, Logger: quiet()}); !errors.Is(err, ErrPort) {
		t.Fatalf("a taken port: %v, want ErrPort", err)
	}
}

func TestRecordsSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	b := start(t, Config{Dir: dir})
	create(t, b, "t")
	if err := client(t, b).ProduceSync(t.Context(), &kgo.Record{Topic: "t", Value: []byte("1")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = start(t, Config{Dir: dir})
	if got := committed(t, b, "t"); len(got) != 1 || got[0] != "1" {
		t.Fatalf("after a restart: %q", got)
	}
}

// A transaction that is open when the broker is killed must not become visible
// with the next one of the same producer.
func TestOpenTransactionIsAborted(t *testing.T) {
	dir := t.TempDir()
	b := start(t, Config{Dir: dir})
	create(t, b, "t")
	begin := func(b *Broker, value string) *kgo.Client {
		cl := client(t, b, kgo.TransactionalID("tx"))
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Value: []byte(value)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		return cl
	}
	begin(b, "open")
	open, err := openTransactions(dir + "/data")
	if err != nil || len(open) != 1 || open[0].topic != "t" {
		t.Fatalf("open transactions in the files: %+v, %v", open, err)
	}
	b.Close()
	b = start(t, Config{Dir: dir})
	cl := begin(b, "next")
	if err := cl.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	if got := committed(t, b, "t"); len(got) != 1 || got[0] != "next" {
		t.Fatalf("readers of committed records see %q, want only the second transaction", got)
	}
}

func FuzzScanBatches(f *testing.F) {
	f.Add(make([]byte, batchHeader))
	f.Fuzz(func(t *testing.T, b []byte) {
		scanBatches(bufio.NewReader(bytes.NewReader(b)), map[int64]int16{})
	})
}
