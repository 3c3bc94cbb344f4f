// Command rss-articles is Millrace's demonstration: it fetches feeds, sets
// copies of articles aside, and recommends articles to readers, each with the
// reason. Run it without flags and open http://127.0.0.1:8080.
package main

import (
	"os"

	"github.com/millrace/millrace/apps/rss-articles/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) }
