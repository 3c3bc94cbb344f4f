package configure_test

import (
	"flag"
	"fmt"
	"os"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/configure"
)

func Example() {
	cfg := pipeline.Config{StateDir: os.TempDir()} // the program's own defaults
	flags := flag.NewFlagSet("orders", flag.ContinueOnError)
	settings := configure.Flags(flags, &cfg)
	settings.LookupEnv = func(name string) (string, bool) { // instead of the process's environment
		v, ok := map[string]string{"MILLRACE_BROKERS": "kafka-1:9092", "MILLRACE_COMMIT_INTERVAL": "1s"}[name]
		return v, ok
	}
	if err := flags.Parse([]string{"-commit-interval", "250ms"}); err != nil {
		fmt.Println(err)
		return
	}
	if err := settings.Load(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(cfg.Brokers, cfg.CommitInterval)
	// Output: [kafka-1:9092] 250ms
}
