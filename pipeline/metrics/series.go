package metrics

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// cache keeps the series that are used often: finding them by their labels
// costs an allocation each time.
type cache[K comparable, V any] struct {
	mu  sync.RWMutex
	all map[K]V
}

func (c *cache[K, V]) get(k K, make func(K) V) V {
	c.mu.RLock()
	v, ok := c.all[k]
	c.mu.RUnlock()
	if ok {
		return v
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok = c.all[k]; ok {
		return v
	}
	if c.all == nil {
		c.all = map[K]V{}
	}
	v = make(k)
	c.all[k] = v
	return v
}

type topicKey struct{ topology, processor, topic string }

type processorKey struct{ topology, processor string }

type counted struct{ records, bytes prometheus.Counter }

type handledSeries struct {
	counted
	late prometheus.Counter
	time *weights
}

type commitSeries struct{ time, records prometheus.Observer }

type emitSeries struct {
	counted
	errors prometheus.Counter
}

func (e *Exporter) newHandled(k topicKey) handledSeries {
	return handledSeries{counted{
		e.counters[handledRecords].WithLabelValues(k.topology, k.processor, k.topic),
		e.counters[handledBytes].WithLabelValues(k.topology, k.processor, k.topic),
	}, e.counters[lateRecords].WithLabelValues(k.topology, k.processor, k.topic), e.handlers.with(k.topology, k.processor, k.topic)}
}

func (e *Exporter) newWritten(k topicKey) counted {
	return counted{
		e.counters[writtenRecords].WithLabelValues(k.topology, k.processor, k.topic),
		e.counters[writtenBytes].WithLabelValues(k.topology, k.processor, k.topic),
	}
}

func (e *Exporter) newLatency(k topicKey) prometheus.Observer {
	return e.histograms[latencySeconds].WithLabelValues(k.topology, k.processor, k.topic)
}

func (e *Exporter) newCommit(k processorKey) commitSeries {
	return commitSeries{
		e.histograms[commitSeconds].WithLabelValues(k.topology, k.processor),
		e.histograms[commitRecords].WithLabelValues(k.topology, k.processor),
	}
}

func (e *Exporter) newEmitted(topic string) emitSeries {
	return emitSeries{counted{
		e.counters[emittedRecords].WithLabelValues(topic),
		e.counters[emittedBytes].WithLabelValues(topic),
	}, e.counters[emitErrors].WithLabelValues(topic)}
}
