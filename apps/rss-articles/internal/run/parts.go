package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// parts are what runs, in the order of their start. They stop in the reverse
// order, each before the next is asked to.
type parts struct {
	ctx context.Context // ends when the app shall end
	end context.CancelCauseFunc
	all []*part
}

type part struct {
	name string
	stop context.CancelFunc
	done chan struct{}
	err  error
}

var errEnded = errors.New("ended without being asked to")

func newParts(ctx context.Context) *parts {
	ctx, end := context.WithCancelCause(ctx)
	return &parts{ctx: ctx, end: end}
}

// start runs a part until stop; if it returns before, the app ends.
func (p *parts) start(name string, run func(ctx context.Context) error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(p.ctx))
	one := &part{name: name, stop: cancel, done: make(chan struct{})}
	p.all = append(p.all, one)
	go func() {
		defer close(one.done)
		err := run(ctx)
		switch asked := ctx.Err() != nil; {
		case err == nil && !asked:
			err = errEnded
		case asked && errors.Is(err, context.Canceled): // it was about to start
			err = nil
		}
		if err != nil {
			one.err = fmt.Errorf("%s: %w", name, err)
			p.end(one.err)
		}
	}()
}

// closer adds a part that only has to be closed.
func (p *parts) closer(name string, f func() error) {
	p.start(name, func(ctx context.Context) error {
		<-ctx.Done()
		return f()
	})
}

// stop ends all parts and returns their errors, first the one that ended the
// app.
func (p *parts) stop() error {
	var errs []error
	for _, one := range slices.Backward(p.all) {
		one.stop()
		<-one.done
		errs = append(errs, one.err)
	}
	p.end(nil)
	return errors.Join(errs...)
}
