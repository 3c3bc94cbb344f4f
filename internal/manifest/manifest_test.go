package manifest_test

import (
	"errors"
	"flag"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/leaktest"
	"github.com/millrace/millrace/internal/manifest"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/memory"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

var update = flag.Bool("update", false, "write the golden file anew")

type topics = map[string]manifest.Topic

func processor(inputs, tables topics) manifest.Processor {
	return manifest.Processor{Format: manifest.Format, Group: "app-count", Inputs: inputs, Tables: tables}
}

func topic(codec string, partitions int32) manifest.Topic {
	return manifest.Topic{Codec: codec, Partitions: partitions}
}

func TestCompare(t *testing.T) {
	base := processor(topics{"in": topic("json", 4)}, topics{"counts": topic("int64", 4)})
	stateless := processor(topics{"in": topic("json", 4)}, nil)
	loop := base
	loop.Loop, loop.Codec = "app-count-loop", "string"
	loopBytes := loop
	loopBytes.Codec = "bytes"
	for _, tt := range []struct {
		name   string
		old    *manifest.Processor
		now    manifest.Processor
		others map[string]manifest.Processor
		refuse []bool // by finding
	}{
		{"first start", nil, base, nil, nil},
		{"no change", &base, base, nil, nil},
		{"added input", &base, processor(topics{"in": topic("json", 4), "more": topic("json", 4)}, base.Tables), nil, []bool{false}},
		{"removed input", &base, processor(topics{"other": topic("json", 4)}, base.Tables), nil, []bool{false, false}},
		{"codec of an input", &base, processor(topics{"in": topic("bytes", 4)}, base.Tables), nil, []bool{false}},
		{"codec of a table", &base, processor(base.Inputs, topics{"counts": topic("string", 4)}), nil, []bool{true}},
		{"partitions with state", &base, processor(topics{"in": topic("json", 8)}, topics{"counts": topic("int64", 8)}), nil, []bool{true}},
		{"partitions without state", &stateless, processor(topics{"in": topic("json", 8)}, nil), nil, []bool{false}},
		{"partitions of a table", &base, processor(base.Inputs, topics{"counts": topic("int64", 8)}), nil, []bool{true}},
		{"renamed table", &base, processor(base.Inputs, topics{"totals": topic("int64", 4)}), nil, []bool{false, false}},
		{"removed table", &base, stateless, nil, []bool{false}},
		{"codec of the loop", &loop, loopBytes, nil, []bool{false}},
		{"removed loop", &loop, base, nil, []bool{false}},
		{"renamed processor", nil, base, map[string]manifest.Processor{"counter": base}, []bool{true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var text strings.Builder
			var refuse []bool
			for _, f := range manifest.Compare("app", "count", tt.old, tt.now, tt.others) {
				refuse = append(refuse, f.Refuse)
				text.WriteString("topic " + f.Topic + ": " + f.What + "\n")
			}
			if !slices.Equal(refuse, tt.refuse) {
				t.Errorf("findings refuse %v, want %v:\n%s", refuse, tt.refuse, &text)
			}
			golden(t, "testdata/"+strings.ReplaceAll(tt.name, " ", "-")+".txt", text.String())
		})
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if got == "" {
		return
	}
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(path); err != nil || got != string(want) {
		t.Errorf("%s (%v) is now:\n%s\nif that is right, run the test with -update", path, err, got)
	}
}

// What docs/errors.md says of changes is what the comparison says.
func TestTableOfChanges(t *testing.T) {
	doc, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(doc)) {
		f := strings.Split(line, "|")
		if len(f) != 4 {
			continue
		}
		path := "testdata/" + strings.ReplaceAll(strings.TrimSpace(f[1]), " ", "-") + ".txt"
		says, err := os.ReadFile(path)
		if err != nil {
			continue // of another table
		}
		rows++
		if !strings.Contains(string(says), strings.Trim(f[2], " `")) {
			t.Errorf("docs/errors.md says %s; %s has\n%s", f[2], path, says)
		}
	}
	if rows < 8 {
		t.Errorf("docs/errors.md has %d rows about changes", rows)
	}
}

func TestWriteAndRead(t *testing.T) {
	c := memory.New(memory.Config{})
	if all, bad, err := manifest.Read(t.Context(), c, "app"); err != nil || len(all)+len(bad) != 0 {
		t.Fatalf("without a topic: %v, %v, %v", all, bad, err)
	}
	name := manifest.TopicName("app")
	if err := c.Create(t.Context(), transport.TopicSpec{Name: name, Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	p := processor(topics{"in": topic("json", 4)}, nil)
	p.Written = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, ps := range []map[string]*manifest.Processor{{"a": &p, "b": &p}, {"a": nil}} {
		if err := manifest.Write(t.Context(), c, "app", ps); err != nil {
			t.Fatal(err)
		}
	}
	for key, value := range map[string]string{"newer": `{"format":2,"surprise":[]}`, "rubbish": "{"} {
		if err := c.Append(&transport.Record{Topic: name, Key: []byte(key), Value: []byte(value)}, false); err != nil {
			t.Fatal(err)
		}
	}
	all, bad, err := manifest.Read(t.Context(), c, "app")
	if err != nil || !reflect.DeepEqual(all, map[string]manifest.Processor{"b": p}) {
		t.Errorf("read %+v, %v, want b", all, err)
	}
	if len(bad) != 2 || !errors.Is(bad["newer"], manifest.ErrNewer) || bad["rubbish"] == nil {
		t.Errorf("not readable: %v", bad)
	}
}

func FuzzDecode(f *testing.F) {
	b, err := processor(topics{"in": topic("json", 4)}, topics{"t": topic("int64", 4)}).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"format":2}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := manifest.Decode(b)
		if err != nil {
			return
		}
		again, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if q, err := manifest.Decode(again); err != nil || q.Group != p.Group || len(q.Inputs) != len(p.Inputs) {
			t.Errorf("%+v became %+v, %v", p, q, err)
		}
	})
}
