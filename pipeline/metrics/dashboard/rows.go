package dashboard

import "strings"

type row struct {
	title  string
	charts []chart
}

type chart struct {
	title, about, unit string
	queries            []query
}

type query struct{ expr, legend string }

// of completes the selectors of an expression: {} is the chosen topologies.
func of(expr, legend string) query {
	return query{strings.ReplaceAll(expr, "{}", `{topology=~"$topology"}`), legend}
}

func quantile(name string) []query {
	return []query{
		of("histogram_quantile(0.5, sum by (le, processor) (rate("+name+"_bucket{}[$__rate_interval])))", "{{processor}} median"),
		of("histogram_quantile(0.99, sum by (le, processor) (rate("+name+"_bucket{}[$__rate_interval])))", "{{processor}} 99 %"),
	}
}

func rows() []row {
	return []row{
		{"Does it keep up?", []chart{
			{"Lag in records", "Records that are not committed.", "short", []query{of("sum by (processor, topic) (millrace_lag_records{})", "{{processor}} ← {{topic}}")}},
			{"Lag in seconds", "Age of the oldest record at hand that is not committed.", "s", []query{of("max by (processor, topic) (millrace_lag_seconds{})", "{{processor}} ← {{topic}}")}},
			{"From a record's time to its commit", "", "s", quantile("millrace_end_to_end_latency_seconds")},
		}},
		{"Records", []chart{
			{"Handled", "", "short", []query{of("sum by (processor, topic) (rate(millrace_handled_records_total{}[$__rate_interval]))", "{{processor}} ← {{topic}}")}},
			{"Late", "Records that came too late for what they were to count in.", "short", []query{of("sum by (processor, topic) (rate(millrace_late_records_total{}[$__rate_interval]))", "{{processor}} ← {{topic}}")}},
			{"Written", "Outputs and changelogs.", "short", []query{of("sum by (processor, topic) (rate(millrace_written_records_total{}[$__rate_interval]))", "{{processor}} → {{topic}}")}},
			{"Bytes", "", "Bps", []query{
				of("sum by (processor) (rate(millrace_handled_bytes_total{}[$__rate_interval]))", "{{processor}} in"),
				of("sum by (processor) (rate(millrace_written_bytes_total{}[$__rate_interval]))", "{{processor}} out"),
				{"sum by (topic) (rate(millrace_emitted_bytes_total[$__rate_interval]))", "emitters to {{topic}}"}}},
			{"Emitters", "Records of emitters, and what was given up.", "short", []query{
				{"sum by (topic) (rate(millrace_emitted_records_total[$__rate_interval]))", "{{topic}}"},
				{"sum by (topic) (rate(millrace_emit_errors_total[$__rate_interval]))", "{{topic}} given up"}}},
		}},
		{"Handlers and commits", []chart{
			{"Time of a record's handler", "", "s", quantile("millrace_handler_duration_seconds")},
			{"Cores that handlers use", "", "short", []query{of("sum by (processor) (rate(millrace_handler_duration_seconds_sum{}[$__rate_interval]))", "{{processor}}")}},
			{"Time of a commit", "", "s", quantile("millrace_commit_duration_seconds")},
			{"Records of a commit", "", "short", quantile("millrace_commit_records")},
		}},
		{"Failures", []chart{
			{"Records that failed", "By where, and what became of them.", "short", []query{of("sum by (processor, stage, outcome) (rate(millrace_record_failures_total{}[$__rate_interval]))", "{{processor}} {{stage}}: {{outcome}}")}},
			{"Partitions that wait", "To try again a record that failed, or because a handler hangs.", "short", []query{
				of("sum by (processor) (millrace_retrying_partitions{})", "{{processor}} tries again"),
				of("sum by (processor) (millrace_hung_partitions{})", "{{processor}} hangs")}},
			{"Restarts and rebalances", "In five minutes.", "short", []query{
				of("sum by (processor) (increase(millrace_restarts_total{}[5m]))", "{{processor}} restarts"),
				of("sum by (processor) (increase(millrace_rebalances_total{}[5m]))", "{{processor}} rebalances"),
				of("sum by (processor) (increase(millrace_transaction_aborts_total{}[5m]))", "{{processor}} aborted transactions"),
				of("sum by (processor) (increase(millrace_promotions_total{}[5m]))", "{{processor}} promotions of standbys")}},
		}},
		{"State", []chart{
			{"Not ready", "Instances that are not ready, and processors by phase.", "short", []query{
				of("count by (topology) (millrace_ready{} == 0)", "{{topology}} not ready"),
				of(`sum by (processor, phase) (millrace_processor_phase{topology=~"$topology", phase!="running"}) > 0`, "{{processor}} {{phase}}")}},
			{"Assigned partitions", "And those of which a standby is kept.", "short", []query{
				of("sum by (processor) (millrace_assigned_partitions{})", "{{processor}}"),
				of("sum by (processor) (millrace_standby_partitions{})", "{{processor}} standbys")}},
			{"Restore", "Progress of those under way, and the records applied.", "percentunit", []query{of("min by (processor, table) (millrace_restore_progress_ratio{})", "{{processor}} {{table}}")}},
		}},
		{"Stores", []chart{
			{"Size on disk", "", "bytes", []query{of("sum by (table, role) (millrace_store_bytes{})", "{{table}} {{role}}")}},
			{"Views, joins, lookups and standbys: lag", "", "short", []query{of("max by (table, role, processor) (millrace_table_lag_records{})", "{{table}} {{role}} {{processor}}")}},
			{"Restored records", "", "short", []query{of("sum by (processor, table) (increase(millrace_restored_records_total{}[$__rate_interval]))", "{{processor}} {{table}}")}},
			{"Time of a restore", "", "s", quantile("millrace_restore_duration_seconds")},
		}},
	}
}
