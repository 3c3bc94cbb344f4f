package workload

import (
	"bytes"
	"testing"
)

func TestRecordsAreTheSameEachTime(t *testing.T) {
	for _, w := range All() {
		if w.Kind == RSS { // whose items come from feeds
			continue
		}
		next := w.Records(1000)
		var first []Record
		for r := range next {
			first = append(first, r)
		}
		i := 0
		for r := range next {
			if !bytes.Equal(r.Key, first[i].Key) || !bytes.Equal(r.Value, first[i].Value) || len(r.Value) != w.Bytes {
				t.Fatalf("%s, record %d: %s, %d bytes", w.Name, i, r.Key, len(r.Value))
			}
			i++
		}
		if i != 1000 {
			t.Errorf("%s: %d records", w.Name, i)
		}
	}
}

func TestKeys(t *testing.T) {
	const n = 100_000
	for name, want := range map[string][2]int{
		"dedupe":    {69_000, 71_000}, // 30 % came before
		"count-10k": {9_990, 10_000},
		"restore":   {n, n}, // every key as often as another
	} {
		w, err := Find(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.Unique(n); got < want[0] || got > want[1] {
			t.Errorf("%s: %d keys, want %v", name, got, want)
		}
	}
	if _, err := Find("nothing"); err == nil {
		t.Error("found a workload that is none")
	}
}

func TestEachKeyFirst(t *testing.T) {
	w := Workload{Kind: Count, Keys: 1000, Bytes: 20, EachFirst: true}
	if got := w.Unique(1000); got != 1000 {
		t.Errorf("%d keys among the first 1000 records, want all 1000", got)
	}
	inOrder := 0
	last := ""
	for r := range w.Records(1000) {
		if string(r.Key) > last {
			inOrder++
		}
		last = string(r.Key)
	}
	if inOrder > 900 {
		t.Errorf("the keys are in order: %d of 1000 are greater than the one before", inOrder)
	}
}

func TestCount(t *testing.T) {
	for name, want := range map[string]int{
		"copy": 600_000, "count-1m": 1_000_000, "shuffle": 200_000, "restore": 1_000_000, "restore-10m": 10_000_000, "latency": 200_000, "rss": 1,
	} {
		w, err := Find(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.Count(1_000_000); got != want {
			t.Errorf("%s: %d records, want %d", name, got, want)
		}
	}
	w, _ := Find("dedupe")
	if got := w.Count(5_000_000); got != 1_428_571 {
		t.Errorf("dedupe: %d records, want as many as use up its keys", got)
	}
}

func TestRulesMatchAsOftenAsTheySay(t *testing.T) {
	const n = 100_000
	w, err := Find("shuffle")
	if err != nil {
		t.Fatal(err)
	}
	matched := 0
	for r := range w.Records(n) {
		matched += len(Match(nil, r.Value))
	}
	if share := float64(matched) / n; share < 0.19 || share > 0.21 {
		t.Errorf("%.3f rules match a record, want %v", share, Selectivity)
	}
	if got := Match(nil, []byte("short")); got != nil {
		t.Errorf("a value without a header matches %v", got)
	}
}

func TestFold(t *testing.T) {
	var state []byte
	emitted := 0
	for i := range 20 {
		value := make([]byte, HeaderBytes)
		value[15] = byte(i + 1)
		var emit bool
		if state, emit = Fold(state, value); emit {
			emitted++
		}
	}
	want := make([]byte, StateBytes)
	want[7], want[14], want[15], want[23], want[31] = 20, 320>>8, 320&0xff, 1, 20
	if !bytes.Equal(state, want) || emitted != 2 {
		t.Errorf("state %v, emitted %d times; want %v and 2", state, emitted, want)
	}
}
