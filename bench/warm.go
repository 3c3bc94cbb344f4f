package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/millrace/millrace/bench/internal/contender"
	"github.com/millrace/millrace/bench/internal/measure"
	"github.com/millrace/millrace/bench/internal/workload"
)

// Brokers that were just started are compiled by their JVMs while they serve the
// first millions of records, on the processors that they share with the contender:
// whoever is first would be measured at half of its throughput. What is warmed with
// is copied and thrown away, in transactions and without.
const (
	warmRuns    = 4
	warmRecords = 3_000_000
	warmRound   = 1000 // for names of topics that no other run has
)

// warm makes runs that nobody counts.
func warm(ctx context.Context, b *measure.Bench, contenders []contender.Contender) (err error) {
	w, err := workload.Find("copy")
	if err != nil {
		return err
	}
	w.Variant = "-warm"
	var with []contender.Contender
	for _, c := range contenders {
		if c.Name == "millrace" || c.Name == "floor" {
			with = append(with, c)
		}
	}
	if len(with) == 0 {
		with = contenders[:1]
	}
	fmt.Fprintf(os.Stderr, "bench: the brokers are warmed with %d runs that do not count\n", warmRuns)
	defer func() { err = errors.Join(err, b.Clear(context.WithoutCancel(ctx), w)) }()
	n, err := b.Prepare(ctx, w, warmRecords)
	if err != nil {
		return fmt.Errorf("warming the brokers: input: %w", err)
	}
	for run := range warmRuns {
		if _, err := b.Run(ctx, w, with[run%len(with)], n, warmRound+run); err != nil {
			return fmt.Errorf("warming the brokers: %w", err)
		}
	}
	return nil
}
