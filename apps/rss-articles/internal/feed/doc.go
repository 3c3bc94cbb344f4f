// Package feed reads feeds as they are found: RSS 0.9x, 1.0 and 2.0, Atom and
// JSON Feed, in any encoding, declared or not, and damaged in the ways that
// feeds are.
//
// [Parse] makes the bytes UTF-8 and well-formed as far as it can, and gives
// them to gofeed. What cannot be read is a typed error; a feed without items
// is none. Sizes, nesting and dates are bounded: see [Limits].
package feed
