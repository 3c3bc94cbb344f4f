package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/millrace/millrace/internal/transport"
)

// ReaderOption configures a reader.
type ReaderOption func(*readerOptions)

type readerOptions struct {
	start       transport.Start
	offsets     map[int]int64 // of FromOffsets; nil: start
	starts      int           // options that said where to begin
	partitions  []int         // empty: all
	group       string
	manual      bool
	untilEnd    bool
	uncommitted bool
	undecodable func(*MessageError) error
	problems    []string
}

// FromOldest begins at the oldest record. Default.
func FromOldest() ReaderOption {
	return func(o *readerOptions) { o.start = transport.Start{}; o.starts++ }
}

// FromNewest begins after the newest record that is there when the reader is
// made.
func FromNewest() ReaderOption {
	return func(o *readerOptions) { o.start = transport.Start{Newest: true}; o.starts++ }
}

// FromTime begins, in every partition, at the first record whose timestamp is
// at or after t; after the newest if there is none.
func FromTime(t time.Time) ReaderOption {
	return func(o *readerOptions) { o.start = transport.Start{At: t}; o.starts++ }
}

// FromOffsets begins at an offset in each of the given partitions, and reads no
// others.
func FromOffsets(offsets map[int]int64) ReaderOption {
	return func(o *readerOptions) {
		o.offsets = maps.Clone(offsets)
		o.starts++
		o.partitions = slices.Sorted(maps.Keys(offsets))
		for p, offset := range offsets {
			if offset < 0 {
				o.problems = append(o.problems, fmt.Sprintf("partition %d, offset %d: it is negative", p, offset))
			}
		}
	}
}

// OfPartitions reads some partitions instead of all.
func OfPartitions(partitions ...int) ReaderOption {
	return func(o *readerOptions) { o.partitions = append(o.partitions, partitions...) }
}

// InGroup makes the reader a member of a consumer group: the members share the
// partitions, and go on where the group has committed. Where it has not, they
// begin as the options say. Positions are committed at Config.CommitInterval
// once their messages were handled, so that a crash repeats some and loses
// none.
func InGroup(name string) ReaderOption {
	return func(o *readerOptions) {
		o.group = name
		if name == "" {
			o.problems = append(o.problems, "the group has no name")
		}
	}
}

// ManualCommit leaves commits of the group's positions to Reader.Commit.
func ManualCommit() ReaderOption { return func(o *readerOptions) { o.manual = true } }

// UntilEnd ends the reading where the topic ended when the reader was made,
// instead of following it for ever. A member of a group ends once that is so
// for the partitions that it has.
func UntilEnd() ReaderOption { return func(o *readerOptions) { o.untilEnd = true } }

// ReadUncommitted also reads records of transactions that are open or were
// aborted.
func ReadUncommitted() ReaderOption { return func(o *readerOptions) { o.uncommitted = true } }

// OnUndecodable says what Each does about records that cannot be decoded: go on
// if f returns nil, else end with what it returns. By default Each ends with
// the *MessageError.
func OnUndecodable(f func(*MessageError) error) ReaderOption {
	return func(o *readerOptions) { o.undecodable = f }
}

func newReaderOptions(r Ref, opts []ReaderOption) (readerOptions, error) {
	o := readerOptions{undecodable: func(e *MessageError) error { return e }}
	for _, f := range opts {
		f(&o)
	}
	bad := func(what string) { o.problems = append(o.problems, what) }
	if o.starts > 1 {
		bad("several of FromOldest, FromNewest, FromTime and FromOffsets: use one")
	}
	if o.offsets != nil && len(o.partitions) > len(o.offsets) {
		bad("FromOffsets names the partitions: leave out OfPartitions")
	}
	slices.Sort(o.partitions)
	o.partitions = slices.Compact(o.partitions)
	if len(o.partitions) > 0 && o.partitions[0] < 0 {
		bad(fmt.Sprintf("partition %d: it is negative", o.partitions[0]))
	}
	if o.group != "" && len(o.partitions) > 0 {
		bad("InGroup shares all partitions: leave out OfPartitions and FromOffsets")
	}
	if o.group == "" && o.manual {
		bad("ManualCommit is for InGroup: a reader alone commits nothing")
	}
	if o.undecodable == nil {
		bad("OnUndecodable has no function")
	}
	return o, checkUse("reader of topic "+r.Name(), r, o.problems)
}
