// Package soak has a test of the whole app over 24 hours, compressed by a clock
// that the test advances: feeds fail and come back, the broker goes away and
// returns, readers come, change and go, the app is restarted; after each hour
// the heap and the goroutines are counted. See docs/soak.md.
//
//	feeds (this process) ─▶ app (this process) ◀─▶ broker (a child process)
//	                              ▲
//	         readers, clicks, a page, over HTTP (this process)
//
// TestCrowd does it with many feeds, up to thousands, and counts requests, items
// and processor time. The broker has a process of its own because its log, which it keeps in memory,
// grows by intent.
package soak
