package metrics

import (
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// weighted is a family of histograms that count one value many times, which
// the library's do not.
type weighted struct {
	desc   *prometheus.Desc
	bounds []float64

	mu  sync.Mutex
	all []*weights
}

func newWeighted(m Metric) *weighted {
	return &weighted{desc: prometheus.NewDesc(m.Name, m.Help, m.Labels, nil), bounds: m.Buckets}
}

// with returns a new series. It is called once for its labels.
func (w *weighted) with(labels ...string) *weights {
	s := &weights{labels: labels, bounds: w.bounds, buckets: make([]uint64, len(w.bounds))}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, s)
	return s
}

// Describe implements prometheus.Collector.
func (w *weighted) Describe(ch chan<- *prometheus.Desc) { ch <- w.desc }

// Collect implements prometheus.Collector.
func (w *weighted) Collect(ch chan<- prometheus.Metric) {
	w.mu.Lock()
	all := slices.Clone(w.all)
	w.mu.Unlock()
	for _, s := range all {
		ch <- s.metric(w.desc)
	}
}

// weights is one histogram.
type weights struct {
	labels []string
	bounds []float64

	mu      sync.Mutex
	count   uint64
	sum     float64
	buckets []uint64 // by bound, not cumulative; what is above all is in count alone
}

// observe counts a value n times.
func (s *weights) observe(v float64, n uint64) {
	i, _ := slices.BinarySearch(s.bounds, v) // the first bound that is not below v
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count += n
	s.sum += v * float64(n)
	if i < len(s.buckets) {
		s.buckets[i] += n
	}
}

func (s *weights) metric(d *prometheus.Desc) prometheus.Metric {
	s.mu.Lock()
	defer s.mu.Unlock()
	cumulative, total := make(map[float64]uint64, len(s.bounds)), uint64(0)
	for i, b := range s.bounds {
		total += s.buckets[i]
		cumulative[b] = total
	}
	return prometheus.MustNewConstHistogram(d, s.count, s.sum, cumulative, s.labels...)
}
