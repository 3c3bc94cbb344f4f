// Package opml reads and writes lists of subscriptions in OPML
// (https://opml.org/spec2.opml), which all feed readers exchange.
//
// [Read] takes lists as they are found: any version, attributes in any case,
// folders in folders, unescaped ampersands, any encoding. Sizes are bounded.
package opml
