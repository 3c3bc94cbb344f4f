// Package metrics exports what services do to Prometheus:
//
//	exporter := metrics.New(metrics.Options{})
//	config.Metrics = exporter.Hooks()
//	mux.Handle("GET /metrics", exporter.Handler())
//
// One exporter serves any number of services and emitters of a process; the
// label topology tells them apart. It has a registry of its own, to which a
// program adds metrics of its own with [Exporter.Registry]; nothing is global.
//
// Names and units follow Prometheus' conventions: seconds and bytes, counters
// end in _total. [Metrics] lists all; docs/metrics.md explains them, and
// docs/deploy/grafana/millrace.json draws them.
//
// Counting costs nothing for each record: the service reports runs of records
// and commits. What is a state, such as a lag or the size of a store, is asked
// for when Prometheus scrapes.
package metrics
