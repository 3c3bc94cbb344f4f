package embedded

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestConfigReportsEverythingAtOnce(t *testing.T) {
	_, err := Start(t.Context(), Config{
		Host: "0.0.0.0", Port: 70000, Nodes: 17, Partitions: -1, MinSessionTimeout: time.Hour, ConsumerHeartbeat: -1,
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"Host", "Port", "Nodes", "Partitions", "MinSessionTimeout", "ConsumerHeartbeat"} {
		if !strings.Contains(err.Error(), want+" ") {
			t.Errorf("the error does not mention %s:\n%v", want, err)
		}
	}
}

func TestOnlyLoopbackIsListenedOn(t *testing.T) {
	for _, host := range []string{"0.0.0.0", "::", "10.0.0.1", "example.org", "localhost"} {
		if err := (Config{Host: host}).withDefaults().validate(); err == nil {
			t.Errorf("Host %q was accepted", host)
		}
	}
	for _, host := range []string{"127.0.0.1", "127.0.0.2", "::1"} {
		if err := (Config{Host: host}).withDefaults().validate(); err != nil {
			t.Errorf("Host %q: %v", host, err)
		}
	}
	b := start(t, Config{Nodes: 2})
	for _, a := range b.Addresses() {
		host, port, err := net.SplitHostPort(a)
		if err != nil || !net.ParseIP(host).IsLoopback() || port == "0" {
			t.Errorf("the broker listens on %s", a)
		}
	}
	// The check of what is really listened on does not rely on the configuration.
	if l, err := newFront("0.0.0.0", quiet(), nil).listen("tcp", "127.0.0.1:0"); err == nil {
		l.Close()
		t.Error("a listener on all addresses was accepted")
	}
}

func TestTakenPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	_, err = Start(t.Context(), Config{Port: port, Logger: quiet()})
	var pe *PortError
	if !errors.As(err, &pe) || pe.Port != port || !strings.Contains(err.Error(), strconv.Itoa(port)) {
		t.Fatalf("a taken port: %v, want a PortError that names %d", err, port)
	}
	l.Close()
	if b := start(t, Config{Port: port}); b.Addresses()[0] != "127.0.0.1:"+strconv.Itoa(port) {
		t.Errorf("the broker has %s, want port %d", b.Addresses(), port)
	}
}

// A broker that nobody refers to goes on, and keeps its folder locked: the
// garbage collector must not close the lock.
func TestForgottenBrokerKeepsItsLock(t *testing.T) {
	dir := t.TempDir()
	forgotten := func() *run {
		b, err := Start(t.Context(), Config{Dir: dir, Logger: quiet()})
		if err != nil {
			t.Fatal(err)
		}
		return b.run
	}()
	for range 10 {
		runtime.GC()
		if b, err := Start(t.Context(), Config{Dir: dir, Logger: quiet()}); !errors.As(err, new(*LockedError)) {
			t.Errorf("a second broker on the folder: %v, want a LockedError", err)
			if err == nil {
				_ = b.Close()
			}
			break
		}
	}
	forgotten.cluster.Close()
	forgotten.front.wait()
	if err := forgotten.front.folder.close(); err != nil {
		t.Error(err)
	}
}

func TestFolderServesOneBroker(t *testing.T) {
	dir := t.TempDir()
	b := start(t, Config{Dir: dir})
	_, err := Start(t.Context(), Config{Dir: dir, Logger: quiet()})
	var le *LockedError
	if !errors.As(err, &le) || le.Dir != dir || !strings.Contains(err.Error(), dir) {
		t.Fatalf("a second broker on one folder: %v, want a LockedError that names it", err)
	}
	if err := b.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Config{Dir: dir, Logger: quiet()}); !errors.As(err, &le) {
		t.Fatalf("on the folder of a stopped broker: %v, want a LockedError", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	start(t, Config{Dir: dir})
}

func TestForeignFolderIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Config{Dir: dir, Logger: quiet()})
	var fe *FolderError
	if !errors.As(err, &fe) || fe.Found != "thesis.txt" {
		t.Fatalf("somebody's folder: %v, want a FolderError", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("the folder was written to: %v", entries)
	}
}

func TestTemporaryFolderIsRemoved(t *testing.T) {
	b := start(t, Config{})
	dir := b.folder.dir
	if _, err := os.Stat(dir); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a second Close does nothing
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the temporary folder is still there: %v", err)
	}
	if err := b.Resume(t.Context()); !errors.Is(err, ErrStopped) {
		t.Errorf("Resume after Close: %v, want ErrStopped", err)
	}
}

func TestSaysWhatItIsFor(t *testing.T) {
	var out bytes.Buffer
	b := start(t, Config{Logger: slog.New(slog.NewTextHandler(&out, nil))})
	if s := out.String(); !strings.Contains(s, "level=WARN") || !strings.Contains(s, "development and tests only") || !strings.Contains(s, b.Addresses()[0]) {
		t.Errorf("the log at the start is %q", s)
	}
}

func TestTopicsAreNotMadeByAccident(t *testing.T) {
	for _, auto := range []bool{false, true} {
		b := start(t, Config{AutoCreateTopics: auto, Partitions: 3})
		cl := client(t, b.Addresses(), kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(0), kgo.RecordRetries(2))
		err := cl.ProduceSync(limit(t), &kgo.Record{Topic: "mistyped", Value: []byte("x")}).FirstErr()
		if got := err == nil; got != auto {
			t.Errorf("AutoCreateTopics %v: produced: %v", auto, err)
		}
		topics, err := kadm.NewClient(cl).ListTopics(limit(t), "mistyped")
		if err != nil {
			t.Fatal(err)
		}
		if d := topics["mistyped"]; auto && len(d.Partitions) != 3 || !auto && !errors.Is(d.Err, kerr.UnknownTopicOrPartition) {
			t.Errorf("AutoCreateTopics %v: the topic has %d partitions, error %v", auto, len(d.Partitions), d.Err)
		}
	}
}

// kfake's own default would remove these records: 7 days also for compacted
// topics, at the cleaner's next turn.
func TestOldRecordsAreKept(t *testing.T) {
	b := start(t, Config{})
	compact := "compact"
	create(t, b, "table", 1, map[string]*string{"cleanup.policy": &compact})
	cl := client(t, b.Addresses())
	old := &kgo.Record{Topic: "table", Key: []byte("k"), Value: []byte("old"), Timestamp: time.Now().AddDate(-1, 0, 0)}
	if err := cl.ProduceSync(limit(t), old).FirstErr(); err != nil {
		t.Fatal(err)
	}
	b.run.cluster.ApplyRetention()
	if got := values(t, b, "table", kgo.ReadUncommitted()); !slices.Equal(got, []string{"old"}) {
		t.Errorf("after a year the topic has %q", got)
	}
}

func TestCleanerNeverRuns(t *testing.T) {
	dir := t.TempDir()
	b := start(t, Config{Dir: dir})
	adm := kadm.NewClient(client(t, b.Addresses()))
	// What a client sets is not carried into the next run.
	soon := "1"
	if _, err := adm.AlterBrokerConfigs(limit(t), []kadm.AlterConfig{{Name: "log.cleaner.backoff.ms", Value: &soon}}); err != nil {
		t.Fatal(err)
	}
	if err := b.Restart(limit(t)); err != nil {
		t.Fatal(err)
	}
	rcs, err := adm.DescribeBrokerConfigs(limit(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, c := range rcs[0].Configs {
		got[c.Key], _ = strconv.ParseInt(c.MaybeValue(), 10, 64)
	}
	if ms := got["log.cleaner.backoff.ms"]; ms < (10 * 365 * 24 * time.Hour).Milliseconds() {
		t.Errorf("the cleaner runs every %d ms", ms)
	}
	if ms := got["log.retention.ms"]; ms != -1 {
		t.Errorf("records are kept for %d ms", ms)
	}
	if m := got["offsets.retention.minutes"]; m < 10*365*24*60 {
		t.Errorf("group offsets are kept for %d minutes", m)
	}
}

// Clients that live through an outage go on by themselves, at the same address.
func TestClientsOutliveAnOutage(t *testing.T) {
	b := start(t, Config{})
	create(t, b, "t", 1, nil)
	cl := client(t, b.Addresses(), kgo.RetryBackoffFn(func(int) time.Duration { return 10 * time.Millisecond }))
	produce(t, cl, "t", "before")
	address := b.Addresses()[0]
	if err := b.Stop(); err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp", address); err == nil {
		c.Close()
		t.Error("a stopped broker takes connections")
	}
	sent := make(chan error, 1)
	cl.Produce(limit(t), &kgo.Record{Topic: "t", Value: []byte("during")}, func(_ *kgo.Record, err error) { sent <- err })
	if _, err := b.FailNext(0, 1, kerr.UnknownServerError); !errors.Is(err, ErrStopped) {
		t.Errorf("a fault in a stopped broker: %v, want ErrStopped", err)
	}
	if err := b.Resume(limit(t)); err != nil {
		t.Fatal(err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if err := b.Restart(limit(t)); err != nil {
		t.Fatal(err)
	}
	produce(t, cl, "t", "after")
	if got := values(t, b, "t", kgo.ReadCommitted()); !slices.Equal(got, []string{"before", "during", "after"}) || b.Addresses()[0] != address {
		t.Errorf("read %q from %s, was %s", got, b.Addresses(), address)
	}
}
