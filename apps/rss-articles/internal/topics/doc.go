// Package topics declares the topics and tables that the stages of the RSS
// pipeline, the fetcher and the web page share, with the types of their values:
//
//	feeds, feeds.state ──fetch──▶ articles.raw ──clean──▶ articles.clean
//	  ──dedupe──▶ articles.unique, articles.duplicates ──▶ articles
//	  ──match──▶ recommendations ◀── readers, clicks
//
// What only the stages among themselves exchange (bands, terms) is declared
// beside them.
package topics
