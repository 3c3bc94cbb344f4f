package views

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/millrace/millrace/pipeline"
)

const (
	maxStreams = 100 // at once, for each handler
	heartbeat  = 15 * time.Second
	// streamWrite bounds one write to a client, and initialTime the initial
	// state: it holds on to old values of the table.
	streamWrite = 10 * time.Second
	initialTime = time.Minute
)

// wantsEvents says whether the client asks for changes instead of the state.
func wantsEvents(r *http.Request) bool {
	for _, accept := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(accept, ",") {
			media, _, _ := strings.Cut(part, ";")
			if strings.EqualFold(strings.TrimSpace(media), "text/event-stream") {
				return true
			}
		}
	}
	return false
}

// stream answers with the entries from <= key < to of a table, and then with
// each change of them, as server-sent events.
func (h handler) stream(w http.ResponseWriter, r *http.Request, from, to string) {
	select {
	case h.streams <- struct{}{}:
		defer func() { <-h.streams }()
	default:
		w.Header().Set("Retry-After", "5")
		WriteProblem(w, http.StatusServiceUnavailable, fmt.Sprintf("%d clients follow changes already, which is the limit", maxStreams))
		return
	}
	table := r.PathValue("table")
	watch, err := h.s.Watch(table, from, to)
	if err != nil {
		fail(w, err)
		return
	}
	defer watch.Close()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would collect the events
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	s := &stream{w: w, rc: http.NewResponseController(w)}
	_ = s.rc.SetReadDeadline(time.Time{}) // that of the request would end the stream; where there is none, all is well
	err = s.run(r.Context(), watch, h.heartbeat)
	if s.err != nil {
		return // the client has gone
	}
	detail := "the server shuts down"
	if err != nil && r.Context().Err() == nil {
		detail = err.Error()
	}
	s.event("end", Problem{Title: "the stream ended", Status: http.StatusServiceUnavailable, Detail: detail})
	s.flush()
}

// stream writes events. After an error it does nothing.
type stream struct {
	w   http.ResponseWriter
	rc  *http.ResponseController
	err error
}

// run returns why the watch ended; s.err is why the client cannot be written to.
func (s *stream) run(ctx context.Context, watch *pipeline.Watch, beat time.Duration) error {
	s.text("retry: 2000\n\n")
	s.event("reset", struct{}{}) // a client that comes back has missed changes, deletions among them
	n, until := 0, time.Now().Add(initialTime)
	for row, err := range watch.Rows() {
		if err != nil {
			return err
		}
		if time.Now().After(until) {
			return fmt.Errorf("the initial state took more than %v to write: %w", initialTime, pipeline.ErrSlow)
		}
		if n++; s.event("row", row) != nil || ctx.Err() != nil {
			return ctx.Err()
		}
	}
	s.event("ready", map[string]int{"rows": n})
	for s.flush() == nil {
		wait, cancel := context.WithTimeout(ctx, beat)
		changes, err := watch.Next(wait)
		cancel()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, context.DeadlineExceeded):
			s.text(": heartbeat\n\n")
		case err != nil:
			return err
		}
		for _, c := range changes {
			if c.Deleted {
				s.event("delete", deletion{c.Key, c.KeyBytes})
			} else {
				s.event("change", c.Row)
			}
		}
	}
	return nil
}

type deletion struct {
	Key      string `json:"key"`
	KeyBytes []byte `json:"keyBase64,omitempty"`
}

// event writes an event, whose data is one line of JSON.
func (s *stream) event(name string, data any) error {
	b, err := json.Marshal(data)
	if err != nil { // a codec's JSON that is none
		b, _ = json.Marshal(Problem{Title: "a value that is no JSON", Status: http.StatusInternalServerError, Detail: err.Error()})
	}
	return s.text("event: " + name + "\ndata: " + string(b) + "\n\n")
}

func (s *stream) text(t string) error {
	if s.err == nil {
		_ = s.rc.SetWriteDeadline(time.Now().Add(streamWrite)) // in place of the server's, which is for whole answers
		_, s.err = s.w.Write([]byte(t))
	}
	return s.err
}

func (s *stream) flush() error {
	if s.err == nil {
		_ = s.rc.SetWriteDeadline(time.Now().Add(streamWrite))
		s.err = s.rc.Flush()
	}
	return s.err
}
