package pipeline_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

// Each row of the table of bad input in docs/errors.md is a message that was
// really given: the test makes it and looks for it there, word for word.
func TestTableOfBadInput(t *testing.T) {
	orders, seen := pipeline.NewTopic("orders", codec.String()), pipeline.NewTable("seen", codec.Int64())
	topology := func(handle func(*pipeline.Context, string) error, in ...pipeline.Topic[string]) *pipeline.Topology {
		p := pipeline.Process("count")
		pipeline.State(p, seen)
		topology := pipeline.New("shop")
		for _, topic := range append(in, orders) {
			pipeline.Input(p, topic, handle)
			topology.From(topic)
		}
		return topology.Add(p)
	}
	stops := func(r pipeline.Record, handle func(*pipeline.Context, string) error) error {
		return pipelinetest.New(t, topology(handle)).TrySend(r)
	}
	rows := map[string]error{
		"undecodable record":     stops(pipeline.NewTopic("orders", codec.Bytes()).Record("o1", []byte{0xff}), nothing[string]),
		"record without a value": stops(orders.Tombstone("o1"), nothing[string]),
		"handler error":          stops(orders.Record("o1", "x"), func(*pipeline.Context, string) error { return errors.New("no such customer") }),
		"handler panic":          stops(orders.Record("o1", "x"), func(*pipeline.Context, string) error { panic("index out of range") }),
	}
	quick := func(c *pipeline.Config) { c.HandlerTimeout, c.StopHungHandlers = 50*time.Millisecond, true }
	rows["handler that hangs"] = pipelinetest.New(t, topology(func(ctx *pipeline.Context, _ string) error { <-ctx.Done(); return ctx.Err() }), quick).
		TrySend(orders.Record("o1", "x"))
	none := codec.New("none", func(string) ([]byte, error) { return nil, errors.New("no room for it") }, func([]byte) (string, error) { return "", nil })
	p := pipeline.Process("count")
	state := pipeline.State(p, pipeline.NewTable("seen", none))
	pipeline.Input(p, orders, func(ctx *pipeline.Context, v string) error { state.Set(ctx, v); return nil })
	err := pipelinetest.New(t, pipeline.New("shop").From(orders).Add(p)).TrySend(orders.Record("o1", "x"))
	var unencodable *pipeline.EncodeError
	if !errors.As(err, &unencodable) || unencodable.Key != "o1" {
		t.Errorf("state that does not encode: %v", err)
	}
	rows["state that does not encode"] = err
	config := func(c pipeline.Config) error {
		_, err := pipeline.NewService(topology(nothing[string]), c)
		return err
	}
	file := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	rows["no broker given"] = config(pipeline.Config{StateDir: t.TempDir()})
	rows["state folder that is a file"] = config(pipeline.Config{Brokers: []string{"localhost:9092"}, StateDir: file})
	rows["unknown processor"] = config(pipeline.Config{Brokers: []string{"localhost:9092"}, StateDir: t.TempDir(), Processors: []string{"cuont"}})

	documented(t, rows, filepath.Dir(file), "DIR")
}

// documented looks for the rows in docs/errors.md. What is another in each run
// is replaced there.
func documented(t *testing.T, rows map[string]error, replaced ...string) {
	t.Helper()
	text, err := os.ReadFile("../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range rows {
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		got := strings.NewReplacer(replaced...).Replace(lastLine(err))
		if row := fmt.Sprintf("| %s | `%s` |", name, got); !strings.Contains(string(text), row) {
			t.Errorf("docs/errors.md lacks the row\n%s", row)
		}
	}
}

var stamp = regexp.MustCompile(`has not returned for \d\S*:`)

// lastLine is what matters of a message.
func lastLine(err error) string {
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	line := strings.TrimPrefix(strings.TrimSpace(lines[len(lines)-1]), "- ")
	return stamp.ReplaceAllString(line, "has not returned for 1m0s:")
}
