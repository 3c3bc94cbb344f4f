package pipeline_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

// The values of a page stay what they are while it is read on.
func TestRowsOwnTheirValues(t *testing.T) {
	names := pipeline.NewTable("names", codec.JSON[string]())
	p := pipeline.Process("copy")
	pipeline.Changes(p, names, func(*pipeline.Context, pipeline.Change[string]) error { return nil })
	d := pipelinetest.Embedded(t, pipeline.New("app").From(names).Add(p), pipelinetest.Views(names))
	var rows []pipeline.Record
	for i := range 50 {
		rows = append(rows, names.Row(fmt.Sprintf("k%02d", i), strings.Repeat("x", 200-4*i)))
	}
	d.Pipe(rows...)
	list, _, err := d.Service().Rows("names", "", "", 100)
	if err != nil || len(list) != 50 {
		t.Fatalf("%d rows: %v", len(list), err)
	}
	for i, r := range list {
		var v string
		if err := json.Unmarshal(r.Value, &v); err != nil || len(v) != 200-4*i {
			t.Errorf("%s: %s: %v", r.Key, r.Value, err)
		}
	}
}
