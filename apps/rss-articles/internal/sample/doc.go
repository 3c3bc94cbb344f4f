// Package sample is the news that the app shows before anybody has named a
// feed: eleven feeds in every common format, in English and Chinese, from
// publishers that do not exist, with readers who want to read them. All texts
// are invented.
//
// [Feeds] lists the feeds, [Handler] serves them as real documents with
// validators, so that a fetcher has something to be polite to. Dates are
// relative to the clock: the newest item is minutes old, the oldest two days.
// Most items are there at once; some come over the first two minutes, among
// them all that are planted:
//
//   - copies of an item in another feed: the same link and text, the same link
//     with what advertisers append to it, and edited copies at another address
//     under another title;
//   - items whose publisher gives them a new title.
//
// [Planted] lists them, so that a test knows what a pipeline must find. The
// texts are in data/, one file a feed; source.go describes their format.
package sample
