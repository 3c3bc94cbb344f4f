package embedded

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/internal/leaktest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		fmt.Fprintln(os.Stderr, runChild(dir))
		os.Exit(1)
	}
	leaktest.Main(m)
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// start starts a broker that ends with the test.
func start(t testing.TB, c Config) *Broker {
	t.Helper()
	if c.Logger == nil {
		c.Logger = quiet()
	}
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

// limit is a context for a test that waits for clients.
func limit(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func client(t testing.TB, addresses []string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(addresses...), kgo.MetadataMinAge(10 * time.Millisecond)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func create(t testing.TB, b *Broker, topic string, partitions int32, configs map[string]*string) {
	t.Helper()
	if _, err := kadm.NewClient(client(t, b.Addresses())).CreateTopic(limit(t), partitions, 1, configs, topic); err != nil {
		t.Fatal(err)
	}
}

// produce sends one record a batch.
func produce(t testing.TB, cl *kgo.Client, topic string, values ...string) {
	t.Helper()
	for _, v := range values {
		if err := cl.ProduceSync(limit(t), &kgo.Record{Topic: topic, Key: []byte("k"), Value: []byte(v)}).FirstErr(); err != nil {
			t.Fatalf("produce %q to %s: %v", v, topic, err)
		}
	}
}

// readAll reads a topic's records up to the present end.
func readAll(t testing.TB, addresses []string, topic string, isolation kgo.IsolationLevel) map[int32][]*kgo.Record {
	t.Helper()
	ctx := limit(t)
	cl := client(t, addresses, kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(isolation), kgo.KeepControlRecords(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(50*time.Millisecond))
	adm := kadm.NewClient(cl)
	list := adm.ListEndOffsets
	if isolation == kgo.ReadCommitted() {
		list = adm.ListCommittedOffsets
	}
	ends, err := list(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	starts, err := adm.ListStartOffsets(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	missing := 0
	ends.Each(func(o kadm.ListedOffset) {
		if s, _ := starts.Lookup(topic, o.Partition); s.Offset < o.Offset {
			missing++
		}
	})
	records := map[int32][]*kgo.Record{}
	for missing > 0 {
		fs := cl.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			t.Fatalf("read %s: %d partitions did not get to their end: %v", topic, missing, err)
		}
		fs.EachRecord(func(r *kgo.Record) {
			if end, _ := ends.Lookup(topic, r.Partition); r.Offset+1 == end.Offset {
				missing--
			}
			if !r.Attrs.IsControl() {
				records[r.Partition] = append(records[r.Partition], r)
			}
		})
	}
	return records
}

// values reads partition 0.
func values(t testing.TB, b *Broker, topic string, isolation kgo.IsolationLevel) []string {
	t.Helper()
	var out []string
	for _, r := range readAll(t, b.Addresses(), topic, isolation)[0] {
		out = append(out, string(r.Value))
	}
	return out
}

// killed returns a folder as a kill at this moment would leave it: with what
// was written, and without what an orderly stop adds.
func killed(t testing.TB, b *Broker) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "killed")
	if err := os.CopyFS(filepath.Join(dir, dataName), os.DirFS(b.folder.data())); err != nil {
		t.Fatal(err)
	}
	return dir
}

// segments returns the paths of a partition's files with a suffix.
func segments(t testing.TB, dir, topic, suffix string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, dataName, "partitions", topic+"-0", "*"+suffix))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func numbers(from, to int) []string {
	var out []string
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprint(i))
	}
	return out
}
