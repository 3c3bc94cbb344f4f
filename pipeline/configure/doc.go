// Package configure fills a pipeline.Config from a file, the environment and
// flags, which is apart from package pipeline so that this has no need of a
// parser for files.
//
// Each later source wins over the earlier ones:
//
//  1. code: what the Config holds when it is given to [Flags] or [Load]
//  2. a file in YAML, of which JSON is a part: the one that the flag -config or
//     MILLRACE_CONFIG names
//  3. environment variables: MILLRACE_TLS_CA_FILE
//  4. flags: -tls-ca-file
//
// All that is wrong, in any of them, is reported at once, with the place where
// it was said.
//
//	cfg := pipeline.Config{StateDir: "/var/lib/orders"}
//	settings := configure.Flags(flag.CommandLine, &cfg)
//	flag.Parse()
//	if err := settings.Load(); err != nil {
//		log.Fatal(err)
//	}
//	err := pipeline.Run(ctx, Topology(), cfg)
//
// A command that needs less, or has names of its own for some, says so with
// [Only], [Optional] and [Named]. [Parse] reports all mistakes in flags at once.
//
// docs/configuration.md lists all settings.
package configure
