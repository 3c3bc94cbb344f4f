package embedded

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

func begin(t testing.TB, b *Broker, id string) *kgo.Client {
	t.Helper()
	cl := client(t, b.Addresses(), kgo.TransactionalID(id), kgo.RequestRetries(3))
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	return cl
}

func commit(t testing.TB, cl *kgo.Client) {
	t.Helper()
	if err := cl.EndTransaction(limit(t), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
}

// What a transaction wrote that was open at a kill must never be seen, though
// the same transactional id goes on and commits, and the broker is killed again.
func TestOpenTransactionIsAbortedForGood(t *testing.T) {
	b := start(t, Config{})
	create(t, b, "t", 1, nil)
	produce(t, begin(t, b, "tx"), "t", "open")

	b2 := start(t, Config{Dir: killed(t, b)})
	// It is ended, not just hidden: nothing holds readers back.
	produce(t, client(t, b2.Addresses()), "t", "plain")
	if got := values(t, b2, "t", kgo.ReadCommitted()); !slices.Equal(got, []string{"plain"}) {
		t.Fatalf("after the kill, readers of committed records see %q", got)
	}
	cl := begin(t, b2, "tx")
	produce(t, cl, "t", "next")
	commit(t, cl)

	b3 := start(t, Config{Dir: killed(t, b2)})
	if got := values(t, b3, "t", kgo.ReadCommitted()); !slices.Equal(got, []string{"plain", "next"}) {
		t.Fatalf("after a second kill, readers of committed records see %q", got)
	}
}

// kfake loads the snapshot of an orderly stop if no segment has changed since,
// and with it a last stable offset that would never move again.
func TestTransactionOpenOverAnOrderlyStopAndAKill(t *testing.T) {
	b := start(t, Config{})
	create(t, b, "t", 1, nil)
	produce(t, begin(t, b, "tx"), "t", "open")
	if err := b.Restart(limit(t)); err != nil {
		t.Fatal(err)
	}
	b2 := start(t, Config{Dir: killed(t, b)})
	produce(t, client(t, b2.Addresses()), "t", "plain")
	if got := values(t, b2, "t", kgo.ReadCommitted()); !slices.Equal(got, []string{"plain"}) {
		t.Fatalf("readers of committed records see %q", got)
	}
}

// After an orderly stop a transaction goes on, and commits as a whole.
func TestTransactionOutlivesAnOrderlyStop(t *testing.T) {
	b := start(t, Config{})
	create(t, b, "t", 1, nil)
	cl := begin(t, b, "tx")
	produce(t, cl, "t", "1")
	if err := b.Restart(limit(t)); err != nil {
		t.Fatal(err)
	}
	produce(t, cl, "t", "2")
	commit(t, cl)
	if got := values(t, b, "t", kgo.ReadCommitted()); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("readers of committed records see %q", got)
	}
}

// A producer that lives while its broker is killed must not be told that the
// transaction is committed, nor commit the rest of it.
func TestProducerThatLivedThroughAKillIsFenced(t *testing.T) {
	b := start(t, Config{})
	create(t, b, "t", 1, nil)
	cl := begin(t, b, "tx")
	produce(t, cl, "t", "earlier") // by which kfake's last end is a commit
	commit(t, cl)
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	produce(t, cl, "t", "first half")
	id, epoch, err := cl.ProducerID(limit(t))
	if err != nil {
		t.Fatal(err)
	}
	// The rest of its transaction, as that producer would send it.
	b2 := start(t, Config{Dir: killed(t, b)})
	end := kmsg.NewPtrEndTxnRequest()
	end.TransactionalID, end.ProducerID, end.ProducerEpoch, end.Commit = "tx", id, epoch, true
	resp, err := end.RequestWith(limit(t), client(t, b2.Addresses()))
	if err != nil {
		t.Fatal(err)
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); !errors.Is(err, kerr.ProducerFenced) {
		t.Errorf("the old producer's commit: %v, want PRODUCER_FENCED", err)
	}
}

// An idempotent producer that lives through a kill sends a batch again of which
// the acknowledgement was lost: it must be recognised, not stored twice; and
// the next one must not be taken for out of order.
func TestSequencesAreRebuilt(t *testing.T) {
	b := start(t, Config{})
	create(t, b, "t", 1, nil)
	cl := client(t, b.Addresses())
	produce(t, cl, "t", numbers(0, 3)...)
	if err := b.Restart(limit(t)); err != nil { // leaves a file of sequences that gets old
		t.Fatal(err)
	}
	produce(t, cl, "t", numbers(3, 10)...)

	b2 := start(t, Config{Dir: killed(t, b)})
	other := client(t, b2.Addresses())
	raw, err := os.ReadFile(segments(t, b.folder.dir, "t", ".dat")[0])
	if err != nil {
		t.Fatal(err)
	}
	var last []byte
	for at := 0; at < len(raw); {
		h, err := readBatch(raw[at:])
		if err != nil {
			t.Fatal(err)
		}
		last = bytes.Clone(raw[at : at+h.size])
		at += h.size
	}
	topics, err := kadm.NewClient(other).ListTopics(limit(t), "t")
	if err != nil {
		t.Fatal(err)
	}
	send := func(batch []byte) (int64, error) {
		clear(batch[:8]) // the base offset is the broker's
		req := kmsg.NewPtrProduceRequest()
		req.Acks, req.TimeoutMillis = -1, 1000
		pt := kmsg.NewProduceRequestTopic()
		pt.Topic, pt.TopicID = "t", topics["t"].ID
		pp := kmsg.NewProduceRequestTopicPartition()
		pp.Records = batch
		pt.Partitions = append(pt.Partitions, pp)
		req.Topics = append(req.Topics, pt)
		resp, err := other.Broker(0).Request(limit(t), req)
		if err != nil {
			t.Fatal(err)
		}
		p := resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
		return p.BaseOffset, kerr.ErrorForCode(p.ErrorCode)
	}
	if offset, err := send(bytes.Clone(last)); err != nil || offset != 9 {
		t.Errorf("the last batch again: offset %d, %v, want 9", offset, err)
	}
	next := bytes.Clone(last)
	sequence := binary.BigEndian.Uint32(next[53:])
	binary.BigEndian.PutUint32(next[53:], sequence+1)
	resum(next)
	if offset, err := send(next); err != nil || offset != 10 {
		t.Errorf("the next batch: offset %d, %v, want 10", offset, err)
	}
	if got := values(t, b2, "t", kgo.ReadCommitted()); !slices.Equal(got, append(numbers(0, 10), "9")) {
		t.Errorf("the topic has %q", got)
	}
}

// A write that a kill cut short was not acknowledged. An index entry that it
// prevented must not shift those after it, by which kfake knows what belongs to
// a transaction.
func TestTornWrites(t *testing.T) {
	b := start(t, Config{})
	create(t, b, "t", 1, nil)
	plain := client(t, b.Addresses())
	produce(t, plain, "t", "a", "b")
	cl := begin(t, b, "tx")
	produce(t, cl, "t", "open")
	dir := killed(t, b)
	data, index := segments(t, dir, "t", ".dat")[0], segments(t, dir, "t", ".idx")[0]
	raw, err := os.ReadFile(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []error{
		appendFile(data, raw[:40]),       // half a batch
		os.Truncate(index, 2*indexEntry), // the entry of "open" is missing
		appendFile(filepath.Join(dir, dataName, "groups.log"), []byte{9, 0, 0, 0, 1, 2}),
		appendFile(filepath.Join(dir, dataName, "pids.log"), []byte{9, 0, 0, 0, 1, 2}),
	} {
		if step != nil {
			t.Fatal(step)
		}
	}
	b2 := start(t, Config{Dir: dir})
	produce(t, client(t, b2.Addresses()), "t", "c")
	adm := kadm.NewClient(client(t, b2.Addresses()))
	if err := adm.CommitAllOffsets(limit(t), "group", kadm.OffsetsFromRecords(kgo.Record{Topic: "t", Offset: 1})); err != nil {
		t.Fatal(err)
	}
	// What comes after the repaired places must be found after the next kill.
	b3 := start(t, Config{Dir: killed(t, b2)})
	if got := values(t, b3, "t", kgo.ReadCommitted()); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("readers of committed records see %q", got)
	}
	offsets, err := kadm.NewClient(client(t, b3.Addresses())).FetchOffsets(limit(t), "group")
	if o, ok := offsets.Lookup("t", 0); err != nil || !ok || o.At != 2 {
		t.Errorf("the group's offset is %v, %v, want 2", o, err)
	}
}

// Damage is not a torn write: what follows it must not be thrown away silently.
func TestDamageIsReported(t *testing.T) {
	b := start(t, Config{})
	create(t, b, "t", 1, nil)
	produce(t, client(t, b.Addresses()), "t", "a", "b", "c")
	dir := killed(t, b)
	path := segments(t, dir, "t", ".dat")[0]
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[batchHeader+2] ^= 1
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Start(t.Context(), Config{Dir: dir, Logger: quiet()})
	var ce *CorruptError
	if !errors.As(err, &ce) || ce.File != path || ce.Offset != 0 {
		t.Errorf("a damaged first batch: %v, want a CorruptError", err)
	}
	if after, _ := os.ReadFile(path); len(after) != len(raw) {
		t.Errorf("the damaged file was cut from %d to %d bytes", len(raw), len(after))
	}
	// Without its main file, kfake takes the folder to be empty.
	dir = killed(t, b)
	if err := os.Remove(filepath.Join(dir, dataName, "meta.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Config{Dir: dir, Logger: quiet()}); !errors.As(err, &ce) || !strings.Contains(err.Error(), "meta.json") {
		t.Errorf("without meta.json: %v, want a CorruptError", err)
	}
}

// A kill in the midst of a commit, when some partitions have its end: it is
// finished, for otherwise readers would see a part of the transaction.
func TestHalfACommitIsFinished(t *testing.T) {
	b := start(t, Config{})
	create(t, b, "x", 1, nil)
	create(t, b, "y", 1, nil)
	cl := begin(t, b, "tx")
	for _, topic := range []string{"x", "y"} { // an earlier one, which must not matter
		produce(t, cl, topic, "0")
	}
	commit(t, cl)
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	produce(t, cl, "x", "1")
	produce(t, cl, "y", "1")
	open := killed(t, b)
	half := killed(t, b)
	commit(t, cl)
	done := killed(t, b)
	// The state between: partition x as after the commit, all else as before.
	for _, suffix := range []string{".dat", ".idx"} {
		raw, err := os.ReadFile(segments(t, done, "x", suffix)[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(segments(t, half, "x", suffix)[0], raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, dir string
		want      []string
	}{{"open", open, []string{"0"}}, {"half", half, []string{"0", "1"}}, {"done", done, []string{"0", "1"}}} {
		b := start(t, Config{Dir: c.dir})
		for _, topic := range []string{"x", "y"} {
			if got := values(t, b, topic, kgo.ReadCommitted()); !slices.Equal(got, c.want) {
				t.Errorf("%s: readers of committed records of %s see %q, want %q", c.name, topic, got, c.want)
			}
		}
	}
}

// A partition that was emptied goes on at its offset.
func TestEmptiedPartitionKeepsItsOffset(t *testing.T) {
	b := start(t, Config{})
	create(t, b, "t", 1, nil)
	cl := client(t, b.Addresses())
	produce(t, cl, "t", numbers(0, 5)...)
	adm := kadm.NewClient(cl)
	var all kadm.Offsets
	all.AddOffset("t", 0, 5, -1)
	if _, err := adm.DeleteRecords(limit(t), all); err != nil {
		t.Fatal(err)
	}
	if err := b.Restart(limit(t)); err != nil {
		t.Fatal(err)
	}
	produce(t, cl, "t", "later")
	records := readAll(t, b.Addresses(), "t", kgo.ReadCommitted())[0]
	if len(records) != 1 || string(records[0].Value) != "later" || records[0].Offset < 5 {
		t.Errorf("after all records were deleted and a restart: %d records, the first at offset %d, want 1 at 5 or later", len(records), records[0].Offset)
	}
}

// The repair can be killed itself, and begun again.
func TestRepairTwiceIsAsOnce(t *testing.T) {
	b := start(t, Config{})
	create(t, b, "t", 1, nil)
	produce(t, begin(t, b, "tx"), "t", "open")
	dir := killed(t, b)
	if err := recoverFolder(t.Context(), filepath.Join(dir, dataName), false, quiet()); err != nil {
		t.Fatal(err)
	}
	once, err := os.ReadFile(segments(t, dir, "t", ".dat")[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(segments(t, dir, "t", ".idx")[0], indexEntry); err != nil { // killed before the index
		t.Fatal(err)
	}
	if err := recoverFolder(t.Context(), filepath.Join(dir, dataName), false, quiet()); err != nil {
		t.Fatal(err)
	}
	twice, err := os.ReadFile(segments(t, dir, "t", ".dat")[0])
	if err != nil || !bytes.Equal(once, twice) {
		t.Errorf("the second repair changed the log from %d to %d bytes, %v", len(once), len(twice), err)
	}
	if info, err := os.Stat(segments(t, dir, "t", ".idx")[0]); err != nil || info.Size() != 2*indexEntry {
		t.Errorf("the index was not repaired: %v, %v", info, err)
	}
}

// Of all that a kill can leave of a log's end, the repair keeps the whole
// batches and nothing else.
func TestAnyCutOfTheLog(t *testing.T) {
	b := start(t, Config{})
	create(t, b, "t", 1, nil)
	produce(t, client(t, b.Addresses()), "t", numbers(0, 6)...)
	raw, err := os.ReadFile(segments(t, b.folder.dir, "t", ".dat")[0])
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, len(raw)).Draw(t, "bytes")
		zeros := rapid.IntRange(0, 100).Draw(t, "zeros")
		p := &partition{dir: dir, segments: []int64{0}}
		left := append(bytes.Clone(raw[:n]), make([]byte, zeros)...)
		if err := os.WriteFile(p.file(0, ".dat"), left, 0o644); err != nil {
			t.Fatal(err)
		}
		whole := 0
		for at := 0; at < len(left); { // zeros may be what was missing
			h, err := readBatch(left[at:])
			if err != nil {
				break
			}
			at += h.size
			whole = at
		}
		if err := p.scan(); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(p.file(0, ".dat")); !bytes.Equal(got, left[:whole]) {
			t.Errorf("%d bytes and %d zeros: kept %d bytes, want %d", n, zeros, len(got), whole)
		}
	})
}
