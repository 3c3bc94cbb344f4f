// Command cmd runs the example of the guide on the embedded broker, or on the
// brokers that its arguments name.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace/docs/examples/orders"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/embedded"
	"github.com/millrace/millrace/pipeline/views"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// doc: run

func run(ctx context.Context, brokers []string) error {
	if len(brokers) == 0 {
		b, err := embedded.Start(ctx, embedded.Config{Dir: "millrace-state/kafka", Port: 9092})
		if err != nil {
			return err
		}
		defer b.Close()
		brokers = b.Addresses()
	}
	s, err := pipeline.NewService(orders.Topology(), pipeline.Config{
		Brokers: brokers,
		Views:   []pipeline.Ref{orders.Totals}, // to be asked for over HTTP
	})
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.Run(ctx) })
	g.Go(func() error {
		return views.Serve(ctx, "127.0.0.1:8080", views.Handler(s), func(a net.Addr) {
			fmt.Printf("http://%s/v1/tables/orders.totals\n", a)
		})
	})
	return g.Wait()
}

// end
