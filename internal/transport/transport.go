package transport

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Record is one Kafka record, fetched or to be produced. It is franz-go's own
// struct: a conversion at this border would cost an allocation per record.
type Record = kgo.Record

// Header is one record header.
type Header = kgo.RecordHeader

// TopicPartition names one partition of a topic.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// Offsets are positions by topic and partition: the offset of the next record
// to be consumed.
type Offsets map[string]map[int32]int64

// Assignment lists partitions by topic.
type Assignment map[string][]int32

// Cluster is a Kafka cluster as the engine sees it. All methods are safe for
// concurrent use.
type Cluster interface {
	Admin

	// Join creates a member of a consumer group together with its producer.
	// The member joins the group once Poll is called. Close leaves it.
	Join(ctx context.Context, cfg GroupConfig) (Group, error)

	// NewProducer creates a producer outside any group, for emitters.
	NewProducer(ctx context.Context, cfg ProducerConfig) (Producer, error)

	// ReadTable reads one partition of a table's topic from an offset on,
	// committed records only, and calls each for every batch in order, on the
	// calling goroutine. It returns when ctx ends (with its error), when each
	// returns an error (with that error), when the position reaches until
	// (with nil; until < 0 reads for ever), or when the partition cannot be
	// read at all, such as after its topic was deleted. Broker outages are
	// waited out.
	//
	// A from that lies before the first or after the last offset of the log
	// is an [OffsetOutOfRangeError].
	ReadTable(ctx context.Context, tp TopicPartition, from, until int64, each func(TableBatch) error) error

	// ReadLog is ReadTable that also reads what is not committed: records of
	// open and of aborted transactions.
	ReadLog(ctx context.Context, tp TopicPartition, from, until int64, each func(TableBatch) error) error

	// Close releases what the cluster itself holds; groups and producers are
	// closed by their owners first.
	Close() error
}

// Admin creates and describes topics.
type Admin interface {
	// Describe returns what is known of the topics; those that do not exist
	// are absent from the answer.
	Describe(ctx context.Context, topics ...string) (map[string]TopicInfo, error)
	// Create creates a topic. A topic that exists already is [ErrTopicExists].
	Create(ctx context.Context, spec TopicSpec) error
	// Bounds returns a partition's first offset and its high watermark.
	Bounds(ctx context.Context, tp TopicPartition) (first, end int64, err error)
	// OffsetAt returns the offset of a partition's first record whose
	// timestamp is at or after a time; the high watermark if there is none.
	OffsetAt(ctx context.Context, tp TopicPartition, at time.Time) (int64, error)
	// GroupOffsets returns the offsets that a group has committed; empty for a
	// group that has none or does not exist.
	GroupOffsets(ctx context.Context, group string) (Offsets, error)
}

// TopicInfo describes a topic that exists.
type TopicInfo struct {
	Name        string
	ID          [16]byte // zero where the cluster has no topic ids (KIP-516)
	Partitions  int32
	Replication int16
	Config      map[string]string // the entries set on the topic and the defaults in force
}

// TopicSpec is a topic to be created.
type TopicSpec struct {
	Name        string
	Partitions  int32
	Replication int16             // 0: the cluster's default
	Config      map[string]string // Kafka's topic configuration, such as cleanup.policy
}

// TableBatch is a run of records of a table's partition.
type TableBatch struct {
	Records []*Record // in offset order, without control records; may be empty
	Next    int64     // the offset after the last record, control records included
	End     int64     // the high watermark when the batch was fetched
}

// GroupConfig configures a group member and its producer.
type GroupConfig struct {
	Group    string   // consumer group id
	ClientID string   // shown in the brokers' logs and quotas
	Topics   []string // co-partitioned inputs: equal partition numbers go to one member

	Partitioning

	// InstanceID makes the member static (KIP-345): it keeps its partitions
	// when it leaves, and another one of the same id that joins within the
	// session timeout gets them, without a rebalance. The older of two is
	// refused with [ErrInstanceIDTaken]. Kafka only: in memory every member is
	// dynamic. Default: none.
	InstanceID string

	// Start is where the member begins in partitions of which the group has
	// committed no offset. Default: at the oldest record.
	Start Start
	// Uncommitted makes the member also read records of open and of aborted
	// transactions.
	Uncommitted bool

	// TransactionalID makes the member's producer transactional (KIP-98): what
	// it produces belongs to transactions, see Begin. No two members may have
	// the same at once: the later one fences the earlier. Default: none.
	TransactionalID string
	// TransactionTimeout is after how long the cluster aborts a transaction of
	// a member that is gone. Default 10 s.
	TransactionTimeout time.Duration

	// ControlRecords makes Poll return the records that end transactions too
	// (Attrs.IsControl): they have nothing for a handler, but a member that
	// shall commit up to a log's very end has to see them. Kafka only: the
	// memory transport has none.
	ControlRecords bool

	// Standbys is how many members beside the owner of a partition's number are
	// to keep a copy of its state; there are never more than other members. Who
	// does is decided together with the assignment, among the members that have
	// Standbys above 0 themselves; the highest number of them counts. Default 0.
	Standbys int
	// Held tells what state the member has of partitions that it does not own,
	// by the number of the partition. It is called when the group is about to
	// be rebalanced, must return at once and must not call the member. Only
	// with Standbys.
	Held func() map[int32]Held
	// Standby is called with the numbers of all partitions of which the member
	// is to keep a copy, in each rebalance, before Revoked and Assigned. It must
	// return at once and must not call the member. Only with Standbys.
	Standby func(numbers []int32)

	// FetchMaxBytes bounds one fetch of one partition. Default 1 MiB.
	FetchMaxBytes int32
	// BufferedBytes bounds the records that are produced and not yet
	// acknowledged; Produce blocks at the bound. Default 64 MiB.
	BufferedBytes int

	// Assigned is called with the partitions that the member gets in a
	// rebalance, in addition to what it has. Revoked is called before
	// partitions go to another member: what was processed must be committed
	// when it returns. Lost is called when the partitions are gone already
	// and a commit would fail. All three are called one at a time, never
	// during Poll's own return, and hold up the rebalance while they run.
	Assigned func(context.Context, Assignment)
	Revoked  func(context.Context, Assignment)
	Lost     func(context.Context, Assignment)
}

// Held is state of a partition that a member has and does not own.
type Held struct {
	// Position says how far it has come: the sum of its changelogs' offsets. Of
	// two members the one with the higher position has less to read.
	Position int64
	// Running says that the member keeps it up to date: it is a standby, and not
	// just what is left of an earlier assignment.
	Running bool
}

// Start is a place in a log.
type Start struct {
	Newest bool      // after the last record
	At     time.Time // the first record at or after this time; the zero time is the oldest record
}

// ProducerConfig configures a producer outside any group. Its zero value is
// idempotent and waits for all in-sync replicas.
type ProducerConfig struct {
	ClientID string
	Partitioning
	BufferedBytes int // as in GroupConfig

	Acks Acks
	// NotIdempotent lets a record be written twice, or out of order, when its
	// acknowledgement was lost. With fewer acknowledgements than AcksAll a
	// producer is not idempotent anyway.
	NotIdempotent bool
	// Compression of batches. Default: the cluster's, which is none.
	Compression Compression
}

// Acks says who must have a record before it is acknowledged.
type Acks int

const (
	AcksAll    Acks = iota // all in-sync replicas
	AcksLeader             // the partition's leader
	AcksNone               // nobody: it was sent. Offsets are not known then
)

// Compression is how batches are compressed.
type Compression string

const (
	CompressionNone   Compression = "none"
	CompressionGzip   Compression = "gzip"
	CompressionSnappy Compression = "snappy"
	CompressionLZ4    Compression = "lz4"
	CompressionZstd   Compression = "zstd"
)

// Producer sends records.
type Producer interface {
	// Produce queues a record. The acknowledgement is called exactly once,
	// from another goroutine: after all in-sync replicas have it, with the
	// record's partition and offset set, or with the error for which it was
	// given up. Records of one partition are written in the order of the
	// calls. Produce blocks while more than BufferedBytes wait. Ending ctx
	// gives up the record if it has not been sent yet.
	Produce(ctx context.Context, r *Record, acked func(*Record, error))
	// ProduceAll is Produce for many records, at less cost for each: for those
	// that next returns, until it returns nil.
	ProduceAll(ctx context.Context, next func() *Record, acked func(*Record, error))
	// Close waits for nothing: what is not acknowledged by then is given up.
	Close()
}

// Fetch is a run of records of one partition.
type Fetch struct {
	TopicPartition
	Records []*Record // in offset order, never empty
	End     int64     // the high watermark
}

// Group is a member of a consumer group and its producer.
type Group interface {
	Producer

	// Poll waits for records of the assigned partitions. It returns the
	// context's error when that ends; errors of single partitions that a
	// retry cannot mend, such as lost offsets, are returned as errors.
	Poll(ctx context.Context) ([]Fetch, error)
	// Release lets the callbacks run that wait for the next Poll: the caller
	// has put the records of the last one where they find them. It is called
	// by Poll's goroutine.
	Release()
	// Pause stops fetching from partitions, Resume goes on. A paused
	// partition's records that were fetched already are not lost.
	Pause(Assignment)
	Resume(Assignment)
	// Rewind makes Poll go on at other offsets, in partitions that are assigned
	// and of which records were polled. It is called by Poll's goroutine,
	// between two calls.
	Rewind(Offsets)
	// Commit commits offsets for the group. [ErrRebalance] means that a
	// rebalance is under way and the same commit may be tried again;
	// [ErrFenced] that the member is out of the group.
	Commit(ctx context.Context, offsets Offsets) error
	// Member returns the member id and generation of the group, as
	// transactions need them (KIP-447).
	Member() (id string, generation int32)
	// Begin begins a transaction: what is produced from now on belongs to it
	// and is not read by others until CommitTransaction. Only for a member
	// with a TransactionalID. [ErrNoTransactions]: the cluster is too old.
	Begin(ctx context.Context) error
	// CommitTransaction adds offsets to the transaction and commits it, after
	// all that was produced in it was acknowledged. ErrRebalance and ErrFenced
	// are as of Commit. After an error that is [ErrTransactionOpen], the
	// transaction is still open, and may be committed again or aborted. After
	// any other error it is not known whether it was committed: the member must
	// be closed, and another one of the same TransactionalID settles it.
	CommitTransaction(ctx context.Context, offsets Offsets) error
	// AbortTransaction gives up what was produced since Begin. After an error
	// the member must be closed.
	AbortTransaction(ctx context.Context) error
	// Leave leaves the group, calling Revoked first, so that others get the
	// partitions at once.
	Leave(ctx context.Context) error
}
