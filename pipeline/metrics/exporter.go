package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/millrace/millrace/pipeline"
)

// Options configure an exporter. The zero value of a field is its default.
type Options struct {
	// NoRuntime leaves out the metrics of the Go runtime and of the process.
	NoRuntime bool
	// Now is the clock for ages and latencies. Default time.Now.
	Now func() time.Time
}

// Exporter keeps the metrics of services. It is safe for concurrent use.
type Exporter struct {
	registry *prometheus.Registry
	now      func() time.Time
	services *services

	counters   map[string]*prometheus.CounterVec
	histograms map[string]*prometheus.HistogramVec
	handlers   *weighted

	handled cache[topicKey, handledSeries]
	written cache[topicKey, counted]
	latency cache[topicKey, prometheus.Observer]
	commits cache[processorKey, commitSeries]
	emitted cache[string, emitSeries]
}

// New returns an exporter without services.
func New(o Options) *Exporter {
	if o.Now == nil {
		o.Now = time.Now
	}
	e := &Exporter{registry: prometheus.NewRegistry(), now: o.Now,
		counters: map[string]*prometheus.CounterVec{}, histograms: map[string]*prometheus.HistogramVec{}}
	descs := map[string]*prometheus.Desc{}
	for _, m := range Metrics() {
		switch {
		case m.Name == handlerSeconds:
			e.handlers = newWeighted(m)
			e.registry.MustRegister(e.handlers)
		case m.Type == Counter:
			c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: m.Name, Help: m.Help}, m.Labels)
			e.registry.MustRegister(c)
			e.counters[m.Name] = c
		case m.Type == Histogram:
			h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: m.Name, Help: m.Help, Buckets: m.Buckets}, m.Labels)
			e.registry.MustRegister(h)
			e.histograms[m.Name] = h
		default:
			descs[m.Name] = prometheus.NewDesc(m.Name, m.Help, m.Labels, nil)
		}
	}
	e.services = newServices(descs, o.Now)
	e.registry.MustRegister(e.services)
	if !o.NoRuntime {
		e.registry.MustRegister(collectors.NewGoCollector(), collectors.NewBuildInfoCollector(),
			collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	return e
}

// Registry returns the exporter's registry, for metrics of your own.
func (e *Exporter) Registry() *prometheus.Registry { return e.registry }

// Handler returns the handler for GET /metrics. A scrape that finds four
// others under way is refused, and one that takes 10 s is given up: both with
// status 503.
func (e *Exporter) Handler() http.Handler {
	return promhttp.HandlerFor(e.registry, promhttp.HandlerOpts{
		Registry:            e.registry,
		EnableOpenMetrics:   true,
		MaxRequestsInFlight: 4,
		Timeout:             10 * time.Second,
		ErrorHandling:       promhttp.ContinueOnError, // what can be had, and a count of the errors
	})
}

// Hooks returns what goes into Config.Metrics, of any number of services.
func (e *Exporter) Hooks() pipeline.Metrics {
	return pipeline.Metrics{
		Started: e.services.add,
		Handled: func(s pipeline.HandledStats) {
			if s.Records == 0 {
				return
			}
			h := e.handled.get(topicKey{s.Topology, s.Processor, s.Topic}, e.newHandled)
			h.records.Add(float64(s.Records))
			h.bytes.Add(float64(s.Bytes))
			h.late.Add(float64(s.Late))
			h.time.observe(s.Duration.Seconds()/float64(s.Records), uint64(s.Records))
		},
		Committed: e.commit,
		Failed: func(s pipeline.FailureStats) {
			e.counters[failures].WithLabelValues(s.Topology, s.Err.Processor, s.Err.Topic, string(s.Err.Stage), string(s.Outcome)).Inc()
		},
		Restoring:  e.restore,
		Rebalanced: func(topology, p string) { e.counters[rebalances].WithLabelValues(topology, p).Inc() },
		Promoted:   func(topology, p string, _ int) { e.counters[promotions].WithLabelValues(topology, p).Inc() },
		Aborted:    func(topology, p string, _ error) { e.counters[aborts].WithLabelValues(topology, p).Inc() },
		Restarted:  func(topology, p string, _ error) { e.counters[restarts].WithLabelValues(topology, p).Inc() },
		Emitted: func(s pipeline.EmitStats) {
			c := e.emitted.get(s.Topic, e.newEmitted)
			if s.Err != nil {
				c.errors.Inc()
				return
			}
			c.records.Inc()
			c.bytes.Add(float64(s.Bytes))
		},
	}
}

func (e *Exporter) commit(s pipeline.CommitStats) {
	c := e.commits.get(processorKey{s.Topology, s.Processor}, e.newCommit)
	c.time.Observe(s.Duration.Seconds())
	c.records.Observe(float64(s.Records))
	now := e.now()
	for _, i := range s.Inputs {
		if !i.Oldest.IsZero() {
			h := e.latency.get(topicKey{s.Topology, s.Processor, i.Topic}, e.newLatency)
			h.Observe(max(0, now.Sub(i.Oldest).Seconds()))
		}
	}
	for _, t := range s.Written {
		w := e.written.get(topicKey{s.Topology, s.Processor, t.Topic}, e.newWritten)
		w.records.Add(float64(t.Records))
		w.bytes.Add(float64(t.Bytes))
	}
}

// restore is told how many records were applied up to now, and counts them at
// the end, or what a scrape saw of a restore that failed would count twice.
func (e *Exporter) restore(s pipeline.RestoreStats) {
	if s.Done {
		e.counters[restoredRecords].WithLabelValues(s.Topology, s.Processor, s.Table).Add(float64(s.Records))
		e.histograms[restoreSeconds].WithLabelValues(s.Topology, s.Processor, s.Table).Observe(s.Duration.Seconds())
	}
}
