package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/bench/internal/measure"
	"github.com/millrace/millrace/bench/internal/report"
)

func TestAxes(t *testing.T) {
	inputs := map[string]bool{}
	for _, a := range axes(1_500_000) {
		for _, p := range a.places {
			input := measure.Input(p.workload)
			if inputs[input] {
				t.Errorf("%s %s: the input %s is another's too", a.name, p.label, input)
			}
			inputs[input] = true
			size := p.records * (p.workload.Bytes + 12)
			if p.records < 5_000 || size > 1<<30 {
				t.Errorf("%s %s: %d records, %d bytes", a.name, p.label, p.records, size)
			}
			if p.warm < 0.2 || p.warm > 0.9 || p.workload.EachFirst && p.warm*float64(p.records) < float64(p.workload.Keys)-1 {
				t.Errorf("%s %s: %d keys, measured from %.2f of %d records on", a.name, p.label, p.workload.Keys, p.warm, p.records)
			}
		}
	}
	if got, err := choose("keys,bytes", 1000); err != nil || len(got) != 2 || got[1].name != "bytes" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := choose("keys,weight", 1000); err == nil {
		t.Error("an axis that is none")
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	all, err := choose("instances", 1000)
	if err != nil {
		t.Fatal(err)
	}
	places := all[0].places
	add := func(cpu int) measure.Result {
		return measure.Result{Records: 1_000_000, CPU: time.Duration(cpu) * time.Second, Wall: time.Second, Peak: 50 << 20}
	}
	results := []result{
		{axis: "instances", place: places[0], contender: "millrace", Result: add(2)},
		{axis: "instances", place: places[0], contender: "kafka-streams", Result: add(6)},
		{axis: "instances", place: places[1], contender: "millrace", Result: add(3)},
		{axis: "instances", place: places[1], contender: "kafka-streams", err: errors.New("it ended\nby itself")},
	}
	if err := write(dir, "go run ./bench/growth", report.Environment{}, time.Minute, all, results); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "growth.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| 1 | millrace | 1000000 | 2.00 | 1.00 | 50 |", "| 2 | kafka-streams | failed: it ended |", "(growth-instances.svg)",
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("no %q in:\n%s", want, page)
		}
	}
	if got := series("instances", results); len(got) != 2 || len(got[0].Points) != 2 || len(got[1].Points) != 1 || !got[0].Ours {
		t.Errorf("series %+v", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "growth-instances.svg")); err != nil {
		t.Error(err)
	}
}
