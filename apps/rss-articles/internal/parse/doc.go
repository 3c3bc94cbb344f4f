// Package parse is the command "rss-articles parse": it prints the items of
// feeds as the pipeline would see them, one JSON object a line.
//
//	{"file":"news.xml","id":"9f2c...","url":"https://e.example/a","title":"A","text":"...",
//	 "published":"2026-03-04T05:06:07Z","lang":"en","author":"","tags":[]}
//
// A document that cannot be read gives {"file":"news.xml","error":"..."}. A
// feed without items gives nothing.
package parse
