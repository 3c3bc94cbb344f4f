// Package topology is the RSS pipeline as a whole.
package topology

import (
	"github.com/millrace/millrace/apps/rss-articles/internal/stages"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
)

// Name is the topology's name, which its consumer groups and state folders
// carry.
const Name = "rss-articles"

// New returns the topology. Feeds, readers and clicks come from outside, by HTTP
// and from the fetcher, as do the items.
func New() *pipeline.Topology { return With(stages.Options{}) }

// With is New with options.
func With(o stages.Options) *pipeline.Topology {
	return pipeline.New(Name).
		From(topics.Raw, topics.Readers, topics.Clicks).
		Add(
			stages.Clean(o),   // items -> articles
			stages.Dedupe(o),  // articles -> unique, duplicates; asks
			stages.Bands(o),   // who resembles whom
			stages.Catalog(o), // unique, duplicates -> the table of articles
			stages.Index(o),   // articles -> terms
			stages.Relate(o),  // terms -> what goes together -> where articles point
			stages.Notify(o),  // where articles point -> who asked for it
			stages.Learn(o),   // readers, clicks -> profiles -> terms
			stages.Match(o),   // terms of articles and readers -> parts of scores
			stages.Shelve(o),  // parts of scores -> recommendations
		).
		To(topics.Failed, topics.Recommendations)
}

// Views are the tables of the topology that people look at.
func Views() []pipeline.Ref {
	return []pipeline.Ref{topics.Articles, topics.Readers, topics.Recommendations, stages.Profiles}
}
