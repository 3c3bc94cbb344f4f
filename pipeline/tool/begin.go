package tool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/pipeline"
)

// BeginOptions say where an application begins to read. One of From and Offsets
// at least.
type BeginOptions struct {
	// From is the time of the first records of the inputs that are read.
	// Default: the oldest records.
	From time.Time
	// Offsets are of the first records in partitions of inputs; they count
	// before From.
	Offsets map[string]map[int32]int64
}

// Beginning is where the groups of an application begin.
type Beginning struct {
	Offsets map[string]transport.Offsets `json:"setOffsets"` // by group

	cluster *clusterOf
}

// String lists the positions, a line for each.
func (b *Beginning) String() string {
	var s strings.Builder
	listOffsets(&s, b.Offsets)
	return s.String()
}

// BeginError lists all that is wrong with where an application shall begin.
type BeginError struct{ Problems []string }

func (e *BeginError) Error() string {
	return fmt.Sprintf("begin: %d problem(s)\n  - %s", len(e.Problems), strings.Join(e.Problems, "\n  - "))
}

// Begin says where a topology begins to read under an application id that has
// not run yet (c.ApplicationID), for a replay: it sets the positions of its
// groups in the topics that others write, and nothing else. Tables that others
// write are read whole, whatever the options say, since all their rows count;
// what the processors write is the application's own and begins empty. Without
// Begin an application begins at the oldest records. Unless dryRun is set the
// plan is executed.
func Begin(ctx context.Context, c pipeline.Config, t *pipeline.Topology, o BeginOptions, dryRun bool) (plan *Beginning, err error) {
	if err := c.CheckApplication(t); err != nil {
		return nil, err
	}
	cluster, err := connect(ctx, c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	if plan, err = planBegin(ctx, cluster, c.ApplicationID, t, o); err != nil || dryRun {
		return plan, err
	}
	return plan, plan.execute(ctx)
}

func planBegin(ctx context.Context, cluster transport.Cluster, id string, t *pipeline.Topology, o BeginOptions) (*Beginning, error) {
	maintained, err := maintain(cluster)
	if err != nil {
		return nil, err
	}
	b := &Beginning{Offsets: map[string]transport.Offsets{}, cluster: maintained}
	var problems []string
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if o.From.IsZero() && len(o.Offsets) == 0 {
		wrong("neither a time nor an offset is given: an application that has not run begins at the oldest records by itself")
	}
	streams := outside(t)
	infos, err := cluster.Describe(ctx, streams...)
	if err != nil {
		return nil, err
	}
	for _, topic := range slices.Sorted(maps.Keys(o.Offsets)) {
		switch info, ok := infos[topic]; {
		case !slices.Contains(streams, topic):
			wrong("offset of %s: that is no topic that the processors read and others write; there are %s", topic, strings.Join(streams, ", "))
		case !ok:
		default:
			for n := range o.Offsets[topic] {
				if n < 0 || n >= info.Partitions {
					wrong("offset of %s, partition %d: the topic has partitions 0 to %d", topic, n, info.Partitions-1)
				}
			}
		}
	}
	for _, s := range streams {
		if _, ok := infos[s]; !ok {
			wrong("topic %s does not exist: there is nothing to replay", s)
		}
	}
	groups := t.Groups(id)
	for _, g := range slices.Sorted(maps.Keys(groups)) {
		offsets, err := cluster.GroupOffsets(ctx, g)
		if err != nil {
			return nil, err
		}
		if len(offsets) > 0 {
			wrong("group %s has positions: its application has run. Take another application id, or reset this one: millrace reset -app %s", g,
				cmp.Or(id, t.Name()))
		}
		for _, topic := range groups[g] {
			info, ok := infos[topic]
			if !ok {
				continue
			}
			if b.Offsets[g] == nil {
				b.Offsets[g] = transport.Offsets{}
			}
			if b.Offsets[g][topic], err = o.positions(ctx, cluster, info, wrong); err != nil {
				return nil, err
			}
		}
	}
	if len(problems) > 0 {
		slices.Sort(problems)
		return nil, &BeginError{slices.Compact(problems)}
	}
	return b, nil
}

// outside are the topics, not the tables, that others write, sorted.
func outside(t *pipeline.Topology) (topics []string) {
	d := t.Describe()
	for _, topic := range d.Topics {
		if topic.Kind == "topic" && slices.Contains(d.Sources, topic.Name) {
			topics = append(topics, topic.Name)
		}
	}
	slices.Sort(topics)
	return topics
}

// positions finds where a topic is read from. An offset must be in the log, or
// at its end.
func (o BeginOptions) positions(ctx context.Context, c transport.Cluster, info transport.TopicInfo, wrong func(string, ...any)) (map[int32]int64, error) {
	at := map[int32]int64{}
	for n := range info.Partitions {
		tp := transport.TopicPartition{Topic: info.Name, Partition: n}
		first, end, err := c.Bounds(ctx, tp)
		if err != nil {
			return nil, err
		}
		offset, ok := o.Offsets[info.Name][n]
		switch {
		case ok && (offset < first || offset > end):
			wrong("offset %d of %s, partition %d: the log is from %d to %d", offset, info.Name, n, first, end)
		case !ok && o.From.IsZero():
			offset = first
		case !ok:
			if offset, err = c.OffsetAt(ctx, tp, o.From); err != nil {
				return nil, err
			}
		}
		at[n] = offset
	}
	return at, nil
}

// execute sets the positions.
func (b *Beginning) execute(ctx context.Context) error {
	for _, g := range slices.Sorted(maps.Keys(b.Offsets)) {
		if err := b.cluster.SetGroupOffsets(ctx, g, b.Offsets[g]); err != nil {
			return fmt.Errorf("begin: %w", err)
		}
	}
	return nil
}
