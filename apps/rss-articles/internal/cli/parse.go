package cli

import (
	"context"
	"flag"
	"io"

	"github.com/millrace/millrace/apps/rss-articles/internal/fetch"
	"github.com/millrace/millrace/apps/rss-articles/internal/parse"
)

func parseCommand() command {
	return command{name: "parse", args: "FILE|URL...", about: "Print the items of feeds as the pipeline sees them, one JSON object a line;\nexit code 1 if a document cannot be read.", flags: func(fs *flag.FlagSet) action {
		var c fetch.Config
		fs.BoolVar(&c.AllowPrivate, "allow-private", false, "fetch feeds at private and local addresses too")
		fs.BoolVar(&c.Proxy, "proxy", false, "fetch through the proxy of the environment")
		return func(ctx context.Context, args []string, out, _ io.Writer) error {
			if len(args) == 0 {
				return usage("name files or addresses of feeds")
			}
			if parse.Run(ctx, args, out, parse.Options{Fetch: c}) != 0 {
				return errSaid // the output says which
			}
			return nil
		}
	}}
}
