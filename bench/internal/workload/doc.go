// Package workload says what is measured: for each workload the records of its
// input, made from a seed so that every contender and every run gets the same
// ones, and the layout of their values, which the contenders in Go share.
//
//	w, _ := workload.Find("count-10k")
//	for r := range w.Records(1_000_000) { ... }
package workload
