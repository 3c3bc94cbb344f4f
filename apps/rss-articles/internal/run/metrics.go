package run

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/millrace/millrace/apps/rss-articles/internal/fetch"
	"github.com/millrace/millrace/apps/rss-articles/internal/stages"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/apps/rss-articles/internal/web"
	"github.com/millrace/millrace/pipeline/metrics"
)

// ignored counts the clicks that are left out.
func ignored(e *metrics.Exporter) func(stages.Reason) {
	counter := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rss_articles_ignored_clicks_total",
		Help: "Clicks that were left out, by reason: unknown-reader or unknown-article."}, []string{"reason"})
	for _, r := range []stages.Reason{stages.UnknownReader, stages.UnknownArticle} {
		counter.WithLabelValues(string(r))
	}
	e.Registry().MustRegister(counter)
	return func(r stages.Reason) { counter.WithLabelValues(string(r)).Inc() }
}

// fetched counts what the fetcher does.
func fetched(e *metrics.Exporter) func(fetch.Polled) {
	fetches := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rss_articles_fetches_total",
		Help: "Polls of feeds, by outcome: document, not-modified, failed or gone."}, []string{"outcome"})
	for _, o := range fetch.Outcomes() {
		fetches.WithLabelValues(string(o))
	}
	bytes := prometheus.NewCounter(prometheus.CounterOpts{Name: "rss_articles_fetched_bytes_total",
		Help: "Bytes of the documents that were fetched, unpacked."})
	items := prometheus.NewCounter(prometheus.CounterOpts{Name: "rss_articles_fetched_items_total",
		Help: "Items in them that are new or changed."})
	e.Registry().MustRegister(fetches, bytes, items)
	return func(p fetch.Polled) {
		fetches.WithLabelValues(string(p.Outcome)).Inc()
		bytes.Add(float64(p.Bytes))
		items.Add(float64(p.Items))
	}
}

// feedHealth is a gauge of the feeds by health, which is counted at each scrape.
type feedHealth struct {
	server *web.Server
	desc   *prometheus.Desc
}

func newFeedHealth(s *web.Server) feedHealth {
	return feedHealth{s, prometheus.NewDesc("rss_articles_feeds", "Feeds by health: new, ok, failing or gone.", []string{"health"}, nil)}
}

// Describe implements prometheus.Collector.
func (h feedHealth) Describe(c chan<- *prometheus.Desc) { c <- h.desc }

// Collect implements prometheus.Collector. Nothing is told before the tables
// are there.
func (h feedHealth) Collect(c chan<- prometheus.Metric) {
	feeds, err := h.server.ListFeeds()
	if err != nil {
		return
	}
	count := map[topics.Health]float64{topics.HealthNew: 0, topics.HealthOK: 0, topics.HealthFailing: 0, topics.HealthGone: 0}
	for _, f := range feeds {
		count[f.Health]++
	}
	for health, n := range count {
		c <- prometheus.MustNewConstMetric(h.desc, prometheus.GaugeValue, n, string(health))
	}
}
