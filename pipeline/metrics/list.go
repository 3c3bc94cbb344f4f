package metrics

// Type is the type of a metric in Prometheus.
type Type string

const (
	Counter   Type = "counter"
	Gauge     Type = "gauge"
	Histogram Type = "histogram"
)

// Metric describes one exported metric.
type Metric struct {
	Name    string
	Type    Type
	Labels  []string
	Help    string
	Buckets []float64 // of a histogram: the upper bounds
}

// Metrics returns the metrics that an exporter exports, beside those of the Go
// runtime and the process.
func Metrics() []Metric {
	var (
		topology  = []string{"topology"}
		processor = []string{"topology", "processor"}
		topic     = []string{"topology", "processor", "topic"}
		partition = []string{"topology", "processor", "topic", "partition"}
		table     = []string{"topology", "processor", "table"}
		replica   = []string{"topology", "processor", "role", "table", "partition"}
		emitter   = []string{"topic"}

		handler = []float64{1e-6, 5e-6, 25e-6, 1e-4, 5e-4, 1e-3, 5e-3, .025, .1, .5, 1, 5, 30}
		latency = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200}
		commit  = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
		size    = []float64{1, 10, 100, 1e3, 1e4, 1e5, 1e6}
		restore = []float64{.1, .5, 1, 5, 15, 60, 300, 900, 3600}
	)
	return []Metric{
		{handledRecords, Counter, topic, "Records that were handled, those that were set aside included.", nil},
		{handledBytes, Counter, topic, "Bytes of the keys and values of the records that were handled.", nil},
		{lateRecords, Counter, topic, "Records that came too late for what they were to count in, such as a window.", nil},
		{handlerSeconds, Histogram, topic, "Time to handle a record. Up to 256 records that are handled in a row count with their mean.", handler},
		{writtenRecords, Counter, topic, "Records that were written and committed: outputs and changelogs, by the topic written to.", nil},
		{writtenBytes, Counter, topic, "Bytes of the keys and values of the records that were written and committed.", nil},
		{failures, Counter, []string{"topology", "processor", "topic", "stage", "outcome"}, "Attempts to handle a record that failed, by where (decode, read, handle, panic or encode) and what became of the record (retry, dead-letter, skip, restart or stop).", nil},
		{hung, Gauge, processor, "Partitions whose handler does not return; see Config.HandlerTimeout.", nil},
		{retrying, Gauge, processor, "Partitions that wait to try a record again that failed.", nil},
		{commitSeconds, Histogram, processor, "Time that a commit took: outputs, changelogs and positions.", commit},
		{commitRecords, Histogram, processor, "Records that were handled in a commit.", size},
		{latencySeconds, Histogram, topic, "Time from a record's timestamp until what came of it was committed, for the first record of each commit.", latency},
		{lagRecords, Gauge, partition, "Records of an input that are not committed, as far as known.", nil},
		{lagSeconds, Gauge, partition, "Age of the oldest record at hand that is not committed; 0 without one.", nil},
		{rebalances, Counter, processor, "Assignments of partitions by the consumer group.", nil},
		{aborts, Counter, processor, "Transactions that were aborted in place: what they held is done again.", nil},
		{promotions, Counter, processor, "Partitions that went on with the state of their standby.", nil},
		{restarts, Counter, processor, "Restarts of a processor after a failure.", nil},
		{phase, Gauge, []string{"topology", "processor", "phase"}, "1 for the phase that the processor is in, 0 for the others.", nil},
		{ready, Gauge, topology, "1 when the service is ready: all processors run and all views have caught up.", nil},
		{assigned, Gauge, processor, "Partitions that are assigned to the processor here.", nil},
		{standbyPartitions, Gauge, processor, "Partitions of other processes of which a standby is kept here.", nil},
		{restoredRecords, Counter, table, "Changelog records that were applied to restore tables.", nil},
		{restoreSeconds, Histogram, table, "Time that the restore of a partition of a table took.", restore},
		{restoreRatio, Gauge, append(table[:3:3], "partition"), "How far the restore of a table's partition is, from 0 to 1; absent when none is under way.", nil},
		{tableLag, Gauge, replica, "Offsets by which a view, join, lookup or standby is behind the table's topic.", nil},
		{storeBytes, Gauge, replica, "Size of a store on disk. The role is state, view, join, lookup or standby.", nil},
		{emittedRecords, Counter, emitter, "Records of emitters that were acknowledged.", nil},
		{emittedBytes, Counter, emitter, "Bytes of the keys and values of the records of emitters that were acknowledged.", nil},
		{emitErrors, Counter, emitter, "Records of emitters that were given up.", nil},
	}
}

const (
	handledRecords    = "millrace_handled_records_total"
	handledBytes      = "millrace_handled_bytes_total"
	lateRecords       = "millrace_late_records_total"
	handlerSeconds    = "millrace_handler_duration_seconds"
	writtenRecords    = "millrace_written_records_total"
	writtenBytes      = "millrace_written_bytes_total"
	failures          = "millrace_record_failures_total"
	hung              = "millrace_hung_partitions"
	retrying          = "millrace_retrying_partitions"
	commitSeconds     = "millrace_commit_duration_seconds"
	commitRecords     = "millrace_commit_records"
	latencySeconds    = "millrace_end_to_end_latency_seconds"
	lagRecords        = "millrace_lag_records"
	lagSeconds        = "millrace_lag_seconds"
	rebalances        = "millrace_rebalances_total"
	restarts          = "millrace_restarts_total"
	aborts            = "millrace_transaction_aborts_total"
	promotions        = "millrace_promotions_total"
	standbyPartitions = "millrace_standby_partitions"
	phase             = "millrace_processor_phase"
	ready             = "millrace_ready"
	assigned          = "millrace_assigned_partitions"
	restoredRecords   = "millrace_restored_records_total"
	restoreSeconds    = "millrace_restore_duration_seconds"
	restoreRatio      = "millrace_restore_progress_ratio"
	tableLag          = "millrace_table_lag_records"
	storeBytes        = "millrace_store_bytes"
	emittedRecords    = "millrace_emitted_records_total"
	emittedBytes      = "millrace_emitted_bytes_total"
	emitErrors        = "millrace_emit_errors_total"
)
