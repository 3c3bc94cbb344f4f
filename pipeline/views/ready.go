package views

import (
	"fmt"
	"net/http"
	"time"

	"github.com/millrace/millrace/pipeline"
)

// NotReady is the body of GET /readyz while the service is not ready: a
// problem with what is missing.
type NotReady struct {
	Problem
	// Phase is the service's: restoring passes by itself, waiting and failed
	// have causes.
	Phase     pipeline.Phase `json:"phase"`
	Restoring []Restoring    `json:"restoring,omitempty"`
	Causes    []Cause        `json:"causes,omitempty"`
}

// Restoring says how far a table partition is.
type Restoring struct {
	Processor string  `json:"processor,omitempty"` // empty for a view
	Role      string  `json:"role"`                // state, join, lookup or view
	Table     string  `json:"table"`
	Partition int     `json:"partition"`
	Records   int64   `json:"records,omitempty"` // applied up to now
	Remaining int64   `json:"remaining"`         // offsets to go
	Percent   float64 `json:"percent"`
}

// Cause says why something does not get on.
type Cause struct {
	Processor string         `json:"processor,omitempty"`
	Phase     pipeline.Phase `json:"phase,omitempty"`
	Table     string         `json:"table,omitempty"`
	Partition *int           `json:"partition,omitempty"`
	Error     string         `json:"error"`
}

func (h handler) ready(w http.ResponseWriter, _ *http.Request) {
	st := h.s.Status()
	if st.Ready {
		text(w, http.StatusOK, "ready\n")
		return
	}
	writeProblem(w, http.StatusServiceUnavailable, notReady(st))
}

func notReady(st pipeline.Status) NotReady {
	n := NotReady{Phase: st.Phase}
	detail := "the service is " + string(st.Phase)
	cause := func(c Cause) {
		detail += "; " + c.Error
		n.Causes = append(n.Causes, c)
	}
	if st.Error != "" {
		cause(Cause{Error: st.Error})
	}
	for _, p := range st.Processors {
		if p.Phase != pipeline.Running {
			detail += fmt.Sprintf("; processor %s is %s", p.Name, p.Phase)
		}
		if p.Error != "" {
			cause(Cause{Processor: p.Name, Phase: p.Phase, Error: p.Error})
		}
		for _, part := range p.Partitions {
			if r := part.Restore; r != nil {
				n.Restoring = append(n.Restoring, Restoring{p.Name, "state", r.Table, part.ID, r.Records, r.End - r.Position, r.Percent})
			}
			if h := part.Hung; h != nil {
				cause(Cause{Processor: p.Name, Partition: &part.ID, Error: fmt.Sprintf(
					"processor %s: the handler of the record at topic %s, partition %d, offset %d hangs since %s",
					p.Name, h.Topic, part.ID, h.Offset, h.Since.UTC().Format(time.RFC3339))})
			}
		}
	}
	for _, t := range st.Tables {
		if t.Role == "standby" {
			continue // nobody waits for it
		}
		if !t.Ready {
			n.Restoring = append(n.Restoring, Restoring{t.Processor, t.Role, t.Table, t.Partition, 0, t.Lag, t.Percent})
		}
		if t.Error != "" {
			cause(Cause{Processor: t.Processor, Table: t.Table, Partition: &t.Partition, Error: t.Error})
		}
	}
	for _, r := range n.Restoring {
		detail += fmt.Sprintf("; %s of table %s, partition %d, is restored to %.0f %%, %d records to go",
			r.Role, r.Table, r.Partition, r.Percent, r.Remaining)
	}
	n.Problem = Problem{http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable, detail}
	return n
}
