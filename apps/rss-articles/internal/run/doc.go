// Package run puts the app together and runs it: the embedded broker or the
// connection to a real cluster, the topology, the fetcher, the page, and the
// sample feeds or those that were named.
//
//	state folder, locked ─▶ page (answers "starting") ─▶ broker ─▶ service ─▶ ready
//	  ─▶ subscriptions at the first start ─▶ fetcher
//
// Parts end in the reverse order: what writes ends before the service drains,
// the service before the broker, and the page last.
//
// Under the state folder:
//
//	lock         held by the process that uses the folder
//	local.json   what this package remembers: see the type memory
//	broker/      the embedded broker's data
//	tables/      the service's stores
package run
