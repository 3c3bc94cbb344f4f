package manifest

import (
	"context"
	"errors"
	"fmt"

	"github.com/millrace/millrace/internal/transport"
)

// Read returns the manifests of a topology's processors by name. A topic that
// does not exist has none. A manifest that is not readable is in bad, with the
// reason.
func Read(ctx context.Context, c transport.Cluster, app string) (all map[string]Processor, bad map[string]error, err error) {
	all, bad = map[string]Processor{}, map[string]error{}
	tp := transport.TopicPartition{Topic: TopicName(app)}
	infos, err := c.Describe(ctx, tp.Topic)
	if err != nil {
		return nil, nil, fmt.Errorf("read manifest: %w", err)
	}
	if _, ok := infos[tp.Topic]; !ok {
		return all, bad, nil
	}
	first, end, err := c.Bounds(ctx, tp)
	if err != nil {
		return nil, nil, fmt.Errorf("read manifest: %w", err)
	}
	err = c.ReadTable(ctx, tp, first, end, func(b transport.TableBatch) error {
		for _, r := range b.Records {
			name := string(r.Key)
			delete(all, name)
			delete(bad, name)
			if r.Value == nil {
				continue
			}
			if p, err := Decode(r.Value); err != nil {
				bad[name] = err
			} else {
				all[name] = p
			}
			if len(all)+len(bad) > maxTopics {
				return fmt.Errorf("more than %d processors", maxTopics)
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read manifest: %w", err)
	}
	return all, bad, nil
}

// Write writes manifests by the names of their processors; nil deletes one. It
// returns once all are acknowledged.
func Write(ctx context.Context, c transport.Cluster, app string, ps map[string]*Processor) error {
	if len(ps) == 0 {
		return nil
	}
	producer, err := c.NewProducer(ctx, transport.ProducerConfig{})
	if err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	defer producer.Close()
	acks := make(chan error, len(ps))
	var errs []error
	for name, p := range ps {
		r := &transport.Record{Topic: TopicName(app), Key: []byte(name)}
		if p != nil {
			if r.Value, err = p.Encode(); err != nil {
				return fmt.Errorf("write manifest of processor %s: %w", name, err)
			}
		}
		producer.Produce(ctx, r, func(_ *transport.Record, err error) { acks <- err })
	}
	for range ps {
		select {
		case err := <-acks:
			errs = append(errs, err)
		case <-ctx.Done():
			return fmt.Errorf("write manifest: %w", context.Cause(ctx))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	return nil
}
