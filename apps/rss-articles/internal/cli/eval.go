package cli

import (
	"context"
	"flag"
	"io"
	"os"

	"github.com/millrace/millrace/apps/rss-articles/internal/eval"
)

func evalDedupeCommand() command {
	return evalCommand("eval-dedupe", "Measure the dedupe stages on labelled clusters and pairs: a line of JSON for each set.", eval.Dedupe)
}

func evalMatchCommand() command {
	return evalCommand("eval-match", "Measure the matching stages on labelled topics: a line of JSON for each set.", eval.Match)
}

func evalCommand(name, about string, run func(context.Context, []io.Reader, io.Writer) error) command {
	return command{name: name, args: "FILE...", about: about + "\nThe files are JSON lines, or such gzipped.", flags: func(*flag.FlagSet) action {
		return func(ctx context.Context, args []string, out, _ io.Writer) error {
			if len(args) == 0 {
				return usage("name files of labelled data")
			}
			var in []io.Reader
			for _, file := range args {
				f, err := os.Open(file)
				if err != nil {
					return err
				}
				defer f.Close()
				in = append(in, f)
			}
			return run(ctx, in, out)
		}
	}}
}
