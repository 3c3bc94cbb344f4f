package cli

import (
	"context"
	"flag"
	"io"
	"os"
	"strconv"

	"github.com/millrace/millrace/apps/rss-articles/internal/eval"
)

func evalDedupeCommand() command {
	return evalCommand("eval-dedupe", "Measure the dedupe stages on labelled clusters and pairs: a line of JSON for each set.", eval.Dedupe)
}

func evalMatchCommand() command {
	return evalCommand("eval-match", "Measure the matching stages on labelled topics: a line of JSON for each set.", eval.Match)
}

func evalClicksCommand() command {
	return command{name: "eval-clicks", args: "CLICKS FILE...", about: "Replay observed clicks through the matching stages as a load: throughput and size of state, as JSON.\n" +
		"CLICKS is a CSV file with timestamp, eventType, contentId and personId, or such zipped; the files are\nlabelled documents, which stand in for the texts.",
		flags: func(fs *flag.FlagSet) action {
			most := fs.Int("clicks", 0, "replay the first `n` clicks only; 0: all")
			return func(ctx context.Context, args []string, out, _ io.Writer) error {
				if len(args) < 2 {
					return usage("name a file of clicks, and files of labelled documents")
				}
				clicks, err := os.ReadFile(args[0])
				if err != nil {
					return err
				}
				docs, done, err := openAll(args[1:])
				if err != nil {
					return err
				}
				defer done()
				return eval.Clicks(ctx, clicks, docs, *most, out)
			}
		}}
}

func evalReadersCommand() command {
	return command{name: "eval-readers", args: "[N...]", about: "Measure what an article costs among N readers, of whom 10 want it each time: a line of JSON for each N.\nBy default 1000, 10000 and 100000.",
		flags: func(fs *flag.FlagSet) action {
			articles := fs.Int("articles", 2000, "time `n` articles, after as many that warm up")
			return func(ctx context.Context, args []string, out, _ io.Writer) error {
				if *articles < 1 {
					return usage("-articles %d: at least one is needed", *articles)
				}
				counts := []int{1000, 10000, 100000}
				if len(args) > 0 {
					counts = nil
				}
				for _, a := range args {
					n, err := strconv.Atoi(a)
					if err != nil || n < 1 || n > maxReaders {
						return usage("%q is no number of readers from 1 to %d", a, maxReaders)
					}
					counts = append(counts, n)
				}
				return eval.Crowd(ctx, counts, *articles, out)
			}
		}}
}

// maxReaders bounds eval-readers, which holds all in memory.
const maxReaders = 1_000_000

func evalCommand(name, about string, run func(context.Context, []io.Reader, io.Writer) error) command {
	return command{name: name, args: "FILE...", about: about + "\nThe files are JSON lines, or such gzipped.", flags: func(*flag.FlagSet) action {
		return func(ctx context.Context, args []string, out, _ io.Writer) error {
			if len(args) == 0 {
				return usage("name files of labelled data")
			}
			in, done, err := openAll(args)
			if err != nil {
				return err
			}
			defer done()
			return run(ctx, in, out)
		}
	}}
}

// openAll opens files to read; done closes them.
func openAll(files []string) (in []io.Reader, done func(), err error) {
	var open []*os.File
	done = func() {
		for _, f := range open {
			_ = f.Close()
		}
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			done()
			return nil, nil, err
		}
		open, in = append(open, f), append(in, f)
	}
	return in, done, nil
}
