package invoices_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/millrace/millrace/docs/examples/invoices"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

func TestWhatFailsIsTriedAgainAndPutAside(t *testing.T) {
	attempts := map[string]int{}
	d := pipelinetest.New(t, invoices.Topology(func(_ context.Context, invoice string, _ int64) error {
		attempts[invoice]++
		switch {
		case invoice == "flaky" && attempts[invoice] < 3:
			return errors.New("bank is closed")
		case invoice == "lost":
			return invoices.ErrNoAccount
		}
		return nil
	}))
	d.Send(invoices.Lines.Record("good", "100"), invoices.Lines.Record("flaky", "200"), invoices.Lines.Record("lost", "300"),
		invoices.Lines.Record("text", "a lot"))
	if attempts["good"] != 1 || attempts["flaky"] != 3 || attempts["lost"] != 1 {
		t.Errorf("attempts %v", attempts)
	}
	causes := map[string]string{}
	for _, r := range pipelinetest.Read(d, invoices.Failed) {
		for _, h := range r.Headers {
			if h.Name == "millrace.dead-letter.error" {
				causes[r.Key] = string(h.Value)
			}
		}
	}
	if len(causes) != 2 || !strings.Contains(causes["text"], "invalid syntax") || !strings.Contains(causes["lost"], "no such account") {
		t.Errorf("dead letters: %v", causes)
	}
}
