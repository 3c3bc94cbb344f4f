// Package web is the page of the RSS app and the HTTP API under it:
//
//	GET    /                       the page: articles as they come, recommendations,
//	                               feeds, readers, the topology
//	GET    /v1/articles            unique articles, newest first;
//	                               ?limit=&before=&reader=&unread=
//	GET    /v1/articles/{id}       an article to read; ?reader=
//	GET    /v1/search              unique articles by words; ?q=&limit=&offset=&reader=
//	GET    /v1/feeds               the feeds with their health
//	PUT    /v1/feeds/{url}         subscribe to a feed; {url} is escaped
//	DELETE /v1/feeds/{url}         unsubscribe
//	GET    /v1/opml                the feeds as OPML
//	POST   /v1/opml                subscribe to the feeds of an OPML document
//	GET    /v1/readers             the readers
//	PUT    /v1/readers/{id}        add or change a reader
//	DELETE /v1/readers/{id}        remove a reader
//	GET    /v1/readers/{id}/recommendations  what a reader is recommended
//	GET    /v1/readers/{id}/feed.atom, feed.json  the same as a feed
//	PUT    /v1/readers/{id}/marks/{article}  mark an article as read or unread
//	POST   /v1/clicks              an article that a reader opened or judged
//	GET    /v1/events              what changes, as server-sent events
//
// and all that package views answers. Feeds, readers, clicks and marks are records of
// Kafka topics: a change is acknowledged by the brokers before it is answered,
// and is seen by the next read a moment later, when the view has read it.
//
// Errors are application/problem+json. Bodies, fields, numbers of things,
// clients and buffers are bounded. Nobody has to log in, so the server is meant
// for the loopback: [Guard] keeps other sites' pages out, also by way of DNS
// rebinding. The page is static and loads nothing from elsewhere. It never parses
// HTML of feeds: an article comes to it as a list of the elements to make, from
// package sanitize.
package web
