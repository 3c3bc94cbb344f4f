// Package web is the page of the RSS app and the HTTP API under it:
//
//	GET    /                       the page: articles as they come, recommendations,
//	                               feeds, readers, the topology
//	GET    /v1/articles            unique articles, newest first; ?limit=&before=
//	GET    /v1/feeds               the feeds with their health
//	PUT    /v1/feeds/{url}         subscribe to a feed; {url} is escaped
//	DELETE /v1/feeds/{url}         unsubscribe
//	GET    /v1/opml                the feeds as OPML
//	POST   /v1/opml                subscribe to the feeds of an OPML document
//	GET    /v1/readers             the readers
//	PUT    /v1/readers/{id}        add or change a reader
//	DELETE /v1/readers/{id}        remove a reader
//	POST   /v1/clicks              an article that a reader opened or judged
//	GET    /v1/events              what changes, as server-sent events
//
// and all that package views answers. Feeds, readers and clicks are records of
// Kafka topics: a change is acknowledged by the brokers before it is answered,
// and is seen by the next read a moment later, when the view has read it.
//
// Errors are application/problem+json. Bodies, fields, numbers of things,
// clients and buffers are bounded. Nobody has to log in, so the server is meant
// for the loopback: [Guard] keeps other sites' pages out, also by way of DNS
// rebinding. The page is static, shows what feeds say as text and never as
// HTML, and loads nothing from elsewhere.
package web
