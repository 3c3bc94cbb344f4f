// Package invoices is the example of the page about errors: records that are
// tried again, and put aside when that does not help.
package invoices

import (
	"context"
	"errors"
	"strconv"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/processors"
)

var (
	Lines   = pipeline.NewTopic("invoice.lines", codec.String()) // amounts as text, by invoice
	Amounts = pipeline.NewTopic("invoice.amounts", codec.Int64())
	Failed  = pipeline.NewTopic("invoice.failed", codec.Bytes())
)

// Bank is a service outside, which may be away.
type Bank func(ctx context.Context, invoice string, cents int64) error

// ErrNoAccount is what a Bank says of an invoice that nobody can pay.
var ErrNoAccount = errors.New("no such account")

// Topology reads amounts and has them paid.
func Topology(pay Bank) *pipeline.Topology {
	// doc: policies
	parse := processors.Map("parse", Lines, Amounts, amount).DeadLetters(Failed) // the same as OnError(DeadLetter(Failed))

	charge := pipeline.Process("charge")
	pipeline.Input(charge, Amounts, func(ctx *pipeline.Context, cents int64) error {
		err := pay(ctx, ctx.Key(), cents)
		if errors.Is(err, ErrNoAccount) {
			return pipeline.Permanent(err) // another attempt would not help
		}
		return err
	})
	charge.OnError(pipeline.Retry(5, pipeline.Backoff{}).Then(pipeline.DeadLetter(Failed)))
	// end
	return pipeline.New("invoices").From(Lines).Add(parse, charge).To(Failed)
}

// amount reads cents.
func amount(_ *pipeline.Context, text string) (int64, error) {
	return strconv.ParseInt(text, 10, 64)
}
