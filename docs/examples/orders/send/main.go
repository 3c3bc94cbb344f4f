// Command send sends an order to the example of the guide:
//
//	send BROKER NUMBER CUSTOMER CENTS
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"

	"github.com/millrace/millrace/docs/examples/orders"
	"github.com/millrace/millrace/pipeline"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 4 {
		return errors.New("usage: send BROKER NUMBER CUSTOMER CENTS")
	}
	cents, err := strconv.ParseInt(args[3], 10, 64)
	if err != nil {
		return err
	}
	return send(ctx, args[0], args[1], orders.Order{Customer: args[2], Cents: cents})
}

// doc: send

func send(ctx context.Context, broker, number string, o orders.Order) error {
	e, err := pipeline.NewEmitter(ctx, orders.Orders, pipeline.Config{Brokers: []string{broker}})
	if err != nil {
		return err
	}
	return errors.Join(e.Emit(ctx, number, o), e.Close())
}

// end
