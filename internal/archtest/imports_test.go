package archtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/millrace/millrace/"

// A rule forbids packages to import others. Patterns are import paths, those of this module without its
// name; "x/..." is x and everything below it, "..." every package of the module.
type rule struct {
	from, exceptFrom []string
	to, exceptTo     []string
	why              string
}

var rules = []rule{
	{
		from: []string{"storage/..."},
		to:   []string{"..."}, exceptTo: []string{"storage/..."},
		why: "storage is the lowest layer: a store can be used and tested without the rest",
	},
	{
		from: []string{"internal/..."}, exceptFrom: []string{"internal/testbroker/..."},
		to:  []string{"pipeline/...", "processors/...", "apps/...", "bench/..."},
		why: "internal is below the public layer, which is written with it",
	},
	{
		from: []string{"pipeline/..."},
		to:   []string{"processors/...", "apps/...", "bench/..."},
		why:  "the ready operators are written with pipeline, as a user's are, and pipeline knows none of them",
	},
	{
		from: []string{"processors/..."},
		to:   []string{"..."}, exceptTo: []string{"processors/...", "pipeline", "pipeline/codec"},
		why: "an operator of ours uses the public layer alone, so that a user's operator is its equal",
	},
	{
		from: []string{"apps/..."},
		to:   []string{"internal/..."},
		why:  "an app shows what a user can build, and a user cannot import internal",
	},
	{
		from: []string{"..."}, exceptFrom: []string{"apps/..."},
		to:  []string{"apps/..."},
		why: "apps are the highest layer: nothing depends on one",
	},
	{
		from: []string{"..."}, exceptFrom: []string{"internal/...", "bench/..."},
		to:  []string{"github.com/lovoo/goka/...", "github.com/IBM/sarama/..."},
		why: "goka and sarama are how the engine works, not what a user sees",
	},
	{
		from: []string{"..."},
		exceptFrom: []string{"internal/transport/...", "pipeline/embedded/...", "internal/testbroker/...",
			"internal/kafkacluster/...", "pipeline/codec/internal/registrytest", "bench/..."},
		// The client of schema registries speaks HTTP and knows nothing of Kafka.
		to: []string{"github.com/twmb/franz-go/..."}, exceptTo: []string{"github.com/twmb/franz-go/pkg/sr"},
		why: "internal/transport is the only package that talks to Kafka (the embedded broker is franz-go's too)",
	},
	{
		from: []string{"..."}, exceptFrom: []string{"pipeline/codec/..."},
		to:  []string{"github.com/twmb/franz-go/pkg/sr/...", "github.com/twmb/avro/...", "github.com/santhosh-tekuri/jsonschema/..."},
		why: "pipeline/codec/registry and the codecs beside it are the only packages that know schemas",
	},
	{
		from: []string{"pipeline/codec"},
		to:   []string{"..."},
		why:  "the codecs that everybody links have no dependencies; those that do are packages below",
	},
	{
		from: []string{"..."}, exceptFrom: []string{"pipeline/codec/..."},
		to: []string{"pipeline/codec/...", "google.golang.org/protobuf/..."}, exceptTo: []string{"pipeline/codec"},
		why: "a program that does not name a codec with a schema does not link its libraries",
	},
	{
		from: []string{"..."},
		exceptFrom: []string{"internal/testbroker/...", "internal/kafkacluster/...", "internal/leaktest/...", "internal/programtest/...",
			"pipeline/pipelinetest/...", "storage/storagetest/...", "internal/transport/transporttest/...", "bench/...",
			"pipeline/codec/internal/registrytest", "apps/rss-articles/internal/eval"},
		to: []string{"testing/...", "internal/testbroker/...", "internal/kafkacluster/...", "internal/leaktest/...", "internal/programtest/...",
			"pipeline/pipelinetest/...", "storage/storagetest/...", "internal/transport/transporttest/...", "pgregory.net/rapid/...", "go.uber.org/goleak/..."},
		why: "these are for tests, and have no place in a program",
	},
	{
		// The evaluation tries the stages on labelled data by the test driver, and is a command of the
		// program all the same, so that users can measure on data of their own.
		from: []string{"apps/rss-articles/internal/eval"},
		to: []string{"testing/...", "internal/testbroker/...", "internal/kafkacluster/...", "internal/leaktest/...", "internal/programtest/...",
			"storage/storagetest/...", "pgregory.net/rapid/...", "go.uber.org/goleak/..."},
		why: "of the packages for tests, the evaluation has use for the driver alone",
	},
}

func TestImports(t *testing.T) {
	packages := listPackages(t)
	if len(packages) < 10 {
		t.Fatalf("go list found %d packages", len(packages))
	}
	for _, p := range packages {
		for _, i := range p.Imports {
			if err := check(rules, p.ImportPath, i); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestRules shows that every rule can be broken, and that what it allows passes.
func TestRules(t *testing.T) {
	for _, tt := range []struct {
		from, to string
		want     string // part of the reason; "" when allowed
	}{
		{"storage/leveldb", "storage", ""},
		{"storage/leveldb", "github.com/syndtr/goleveldb/leveldb", ""},
		{"storage/leveldb", "pipeline", "lowest layer"},
		{"storage", "internal/graph", "lowest layer"},
		{"internal/engine", "storage/leveldb", ""},
		{"internal/engine", "pipeline", "below the public layer"},
		{"internal/testbroker", "pipeline/embedded", ""},
		{"pipeline", "internal/engine", ""},
		{"pipeline/views", "processors", "knows none"},
		{"processors", "pipeline/codec", ""},
		{"processors", "pipeline/views", "public layer alone"},
		{"processors", "internal/graph", "public layer alone"},
		{"apps/rss-articles", "processors", ""},
		{"apps/rss-articles", "apps/rss-articles/internal/feed", ""},
		{"apps/rss-articles", "internal/engine", "cannot import internal"},
		{"bench", "apps/rss-articles", "highest layer"},
		{"apps/millrace", "pipeline/tool", ""},
		{"apps/millrace", "internal/engine", "cannot import internal"},
		{"internal/engine", "github.com/lovoo/goka", ""},
		{"pipeline", "github.com/lovoo/goka/storage", "not what a user sees"},
		{"apps/rss-articles", "github.com/IBM/sarama", "not what a user sees"},
		{"internal/transport/kafka", "github.com/twmb/franz-go/pkg/kgo", ""},
		{"internal/engine", "github.com/twmb/franz-go/pkg/kgo", "only package"},
		{"pipeline/embedded", "github.com/twmb/franz-go/pkg/kfake", ""},
		{"pipeline/codec/registry", "github.com/twmb/franz-go/pkg/sr", ""},
		{"pipeline/codec/registry", "github.com/twmb/franz-go/pkg/kgo", "only package"},
		{"pipeline/codec/avro", "pipeline/codec/registry", ""},
		{"pipeline", "github.com/twmb/franz-go/pkg/sr", "know schemas"},
		{"pipeline/codec", "pipeline", "everybody links"},
		{"pipeline", "pipeline/codec/avro", "does not link"},
		{"pipeline/pipelinetest", "testing", ""},
		{"pipeline", "testing", "for tests"},
		{"apps/rss-articles/internal/eval", "pipeline/pipelinetest", ""},
		{"apps/rss-articles/internal/eval", "testing", "the driver alone"},
		{"apps/rss-articles/internal/web", "pipeline/pipelinetest", "for tests"},
		{"pipeline", "internal/kafkacluster", "for tests"},
		{"storage2", "storage", ""},
	} {
		err := check(rules, full(tt.from), full(tt.to))
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s -> %s: %v", tt.from, tt.to, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s -> %s: %v, want an error with %q", tt.from, tt.to, err, tt.want)
		}
	}
}

// check returns an error for every rule that an import breaks.
func check(rules []rule, from, to string) error {
	var errs []error
	for _, r := range rules {
		if matches(r.from, from) && !matches(r.exceptFrom, from) && matches(r.to, to) && !matches(r.exceptTo, to) {
			errs = append(errs, fmt.Errorf("%s imports %s: %s",
				strings.TrimPrefix(from, module), strings.TrimPrefix(to, module), r.why))
		}
	}
	return errors.Join(errs...)
}

func matches(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if p == "..." {
			return strings.HasPrefix(path, module)
		}
		base, below := strings.CutSuffix(full(p), "/...")
		return path == base || below && strings.HasPrefix(path, base+"/")
	})
}

// full completes a path of this module: one whose first element is a folder here, so neither has a dot nor
// belongs to the standard library.
func full(path string) string {
	first, _, _ := strings.Cut(path, "/")
	if strings.Contains(first, ".") || first == "testing" {
		return path
	}
	return module + path
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = root(t)
	walk(t, cmd.Dir)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var packages []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

// root is the module's folder.
func root(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Clean(strings.TrimSpace(string(out)))
}
