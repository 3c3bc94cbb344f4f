package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/bench/internal/workload"
)

// axis is what grows.
type axis struct {
	name   string
	title  string
	places []place
	alone  []float64 // where Millrace is measured alone: the other takes too long
}

// place is a point on an axis.
type place struct {
	x          float64
	label      string
	workload   workload.Workload
	records    int
	partitions int
	instances  int
	warm       float64 // the share of the records that is not counted
}

// bytesOfInput bounds an input: the brokers keep three of it.
const bytesOfInput = 600 << 20

// axes are all of them. records is of each input, if nothing speaks against it.
func axes(records int) []axis {
	count := workload.Workload{Name: "count-10k", Kind: workload.Count, Keys: 10_000, Bytes: 100}
	all := []axis{
		{name: "partitions", title: "CPU seconds per million records, by partitions"},
		{name: "keys", title: "CPU seconds per million records, by keys", alone: []float64{10_000_000}},
		{name: "bytes", title: "CPU seconds per million records, by bytes of a value"},
		{name: "instances", title: "CPU seconds per million records, by processes"},
	}
	at := func(x float64, label string) place {
		return place{x: x, label: label, workload: count, records: records, partitions: 4, warm: 0.2}
	}
	for _, n := range []int{1, 4, 16, 64} {
		p := at(float64(n), fmt.Sprint(n))
		p.partitions = n
		all[0].places = append(all[0].places, p)
	}
	for i, n := range []int{10_000, 100_000, 1_000_000, 10_000_000} {
		p := at(float64(n), []string{"10 k", "100 k", "1 M", "10 M"}[i])
		// Every key is in the table before the measurement begins.
		p.workload.Keys, p.workload.EachFirst, p.workload.Bytes = n, true, 50
		p.records = max(records, n+records)
		p.warm = max(0.2, float64(n)/float64(p.records))
		all[1].places = append(all[1].places, p)
	}
	for i, n := range []int{100, 1_000, 10_000, 100_000} {
		p := at(float64(n), []string{"100 B", "1 kB", "10 kB", "100 kB"}[i])
		p.workload = workload.Workload{Name: "copy", Kind: workload.Copy, Keys: 10_000, Bytes: n}
		p.records = min(records, bytesOfInput/n)
		all[2].places = append(all[2].places, p)
	}
	for _, n := range []int{1, 2, 4} {
		p := at(float64(n), fmt.Sprint(n))
		p.instances = n
		all[3].places = append(all[3].places, p)
	}
	for _, a := range all {
		for i := range a.places {
			a.places[i].workload.Variant = fmt.Sprintf("-%s-%d", a.name, i)
		}
	}
	return all
}

func choose(names string, records int) ([]axis, error) {
	all := axes(records)
	if names == "" {
		return all, nil
	}
	var chosen []axis
	for _, name := range strings.Split(names, ",") {
		i := slices.IndexFunc(all, func(a axis) bool { return a.name == name })
		if i < 0 {
			return nil, fmt.Errorf("nothing of the name %q grows; there are partitions, keys, bytes and instances", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}
