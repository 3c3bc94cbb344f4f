package cli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/millrace/millrace/apps/rss-articles/internal/run"
)

func topologyCommand() command {
	return command{name: "topology", about: "Print the topology.", flags: func(fs *flag.FlagSet) action {
		format := fs.String("format", "text", "`text|mermaid`")
		return func(_ context.Context, args []string, out, _ io.Writer) error {
			t := run.Topology()
			switch {
			case len(args) > 0:
				return usage("%q is not a flag", args[0])
			case *format == "text":
				_, err := io.WriteString(out, t.String())
				return err
			case *format == "mermaid":
				_, err := io.WriteString(out, t.Mermaid())
				return err
			}
			return usage("-format: there is no %q: use text or mermaid", *format)
		}
	}}
}

func versionCommand() command {
	return command{name: "version", about: "Print the version.", flags: func(*flag.FlagSet) action {
		return func(_ context.Context, _ []string, out, _ io.Writer) error {
			version, revision := "unknown", ""
			if info, ok := debug.ReadBuildInfo(); ok {
				version = info.Main.Version
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" {
						revision = " " + s.Value
					}
				}
			}
			_, err := fmt.Fprintf(out, "rss-articles %s%s %s %s/%s\n", version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		}
	}}
}
