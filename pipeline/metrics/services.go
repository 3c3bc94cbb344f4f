package metrics

import (
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/millrace/millrace/pipeline"
)

// services asks the services for their state at each scrape.
type services struct {
	descs map[string]*prometheus.Desc
	now   func() time.Time

	mu  sync.Mutex
	all map[string]*pipeline.Service // by topology: of two, the one that started last
}

func newServices(descs map[string]*prometheus.Desc, now func() time.Time) *services {
	return &services{descs: descs, now: now, all: map[string]*pipeline.Service{}}
}

func (c *services) add(s *pipeline.Service) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all[s.Topology().Name()] = s
}

// Describe implements prometheus.Collector.
func (c *services) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *services) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	all := make(map[string]*pipeline.Service, len(c.all))
	for name, s := range c.all {
		all[name] = s
	}
	c.mu.Unlock()
	for name, s := range all {
		c.service(name, s, func(metric string, v float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(c.descs[metric], prometheus.GaugeValue, v, append([]string{name}, labels...)...)
		})
	}
}

func (c *services) service(name string, s *pipeline.Service, gauge func(string, float64, ...string)) {
	st := s.Status()
	gauge(ready, number(st.Ready))
	for _, p := range st.Processors {
		for _, ph := range pipeline.Phases() {
			gauge(phase, number(p.Phase == ph), p.Name, string(ph))
		}
		gauge(assigned, float64(len(p.Partitions)), p.Name)
		waiting, hanging := 0, 0
		for _, part := range p.Partitions {
			if part.Retrying != nil {
				waiting++
			}
			if part.Hung != nil {
				hanging++
			}
			id := strconv.Itoa(part.ID)
			for _, i := range part.Inputs {
				age := 0.0
				if i.Oldest != nil {
					age = max(0, c.now().Sub(*i.Oldest).Seconds())
				}
				gauge(lagRecords, float64(i.Lag), p.Name, i.Topic, id)
				gauge(lagSeconds, age, p.Name, i.Topic, id)
			}
			if r := part.Restore; r != nil {
				gauge(restoreRatio, r.Percent/100, p.Name, r.Table, id)
			}
		}
		gauge(retrying, float64(waiting), p.Name)
		gauge(hung, float64(hanging), p.Name)
	}
	for p, n := range standbys(st) {
		gauge(standbyPartitions, float64(n), p)
	}
	for _, t := range st.Tables {
		gauge(tableLag, float64(t.Lag), t.Processor, t.Role, t.Table, strconv.Itoa(t.Partition))
	}
	for _, o := range s.Stores() {
		gauge(storeBytes, float64(o.Bytes), o.Processor, o.Role, o.Table, strconv.Itoa(o.Partition))
	}
}

// standbys counts the partitions of which there are standbys, by processor.
func standbys(st pipeline.Status) map[string]int {
	counts, seen := map[string]int{}, map[string]bool{}
	for _, p := range st.Processors {
		counts[p.Name] = 0
	}
	for _, t := range st.Tables {
		// A partition has one for each table of its processor.
		if key := t.Processor + "/" + strconv.Itoa(t.Partition); t.Role == "standby" && !seen[key] {
			seen[key] = true
			counts[t.Processor]++
		}
	}
	return counts
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
