package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/millrace/millrace/bench/internal/contender"
	"github.com/millrace/millrace/bench/internal/measure"
	"github.com/millrace/millrace/bench/internal/report"
	"github.com/millrace/millrace/bench/internal/workload"
)

// measureAll runs every contender on a workload, in turn, and prints what each
// run cost as it ends. The input is removed afterwards, to spare the disk.
func measureAll(ctx context.Context, b *measure.Bench, rep *report.Report, w workload.Workload, contenders []contender.Contender, o options) (err error) {
	defer func() { err = errors.Join(err, b.Clear(context.WithoutCancel(ctx), w)) }()
	n, err := b.Prepare(ctx, w, w.Count(o.records))
	switch {
	case errors.Is(err, measure.ErrNoPolls):
		fmt.Fprintf(os.Stderr, "bench: %s is left out: %v\n", w.Name, err)
		rep.Missing(w.Name, err)
		return nil
	case err != nil:
		return fmt.Errorf("%s: input: %w", w.Name, err)
	}
	for round := range o.rounds {
		for i := range contenders {
			c := contenders[(i+round)%len(contenders)] // nobody is always first
			if !c.Can(w) {
				continue
			}
			r, err := b.Run(ctx, w, c, n, round)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil { // of one contender; the others go on
				fmt.Fprintln(os.Stderr, "bench:", err)
				rep.Fail(w.Name, c.Name, err)
				continue
			}
			rep.Add(r)
			rep.Line(os.Stdout, r)
		}
	}
	if w.Name != o.heapWorkload || len(o.sizes) == 0 {
		return nil
	}
	return sweep(ctx, b, rep, w, n, o)
}

// sweep finds the smallest heap with which Kafka Streams is about as fast as
// with the greatest.
func sweep(ctx context.Context, b *measure.Bench, rep *report.Report, w workload.Workload, n int, o options) error {
	const name = "kafka-streams"
	round := o.rounds // for names of topics that no other run has
	heap, r, err := measure.SmallestHeap(o.sizes, func(h measure.Heap) (measure.Result, error) {
		c, err := contender.Find(name, h.String())
		if err != nil {
			return measure.Result{}, err
		}
		round++
		r, err := b.Run(ctx, w, c, n, round)
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		fmt.Printf("heap %5s: ", h)
		if err != nil {
			fmt.Printf("%s %s: failed\n", w.Name, name)
			fmt.Fprintln(os.Stderr, "bench:", err)
			return r, err
		}
		rep.Line(os.Stdout, r)
		return r, nil
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench: heaps:", err)
	default:
		rep.Heap(heap.String(), r)
	}
	return nil
}
