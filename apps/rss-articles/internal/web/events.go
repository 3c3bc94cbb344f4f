package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/millrace/millrace/pipeline/views"
)

// Bounds of an event stream.
const (
	streamBuffer = 256              // events that wait for a client
	streamWrite  = 10 * time.Second // for a client to take what was written
)

// event is something that the page shows differently now.
type event struct {
	name string // article, gone, shelf, feeds, readers or mark
	data []byte // JSON
}

// hub hands events to the clients that are there. One that does not keep up is
// dropped: it connects again and reads the lists anew.
type hub struct {
	max int

	mu      sync.Mutex
	closed  bool
	clients map[chan event]struct{}
}

func newHub(limit int) *hub { return &hub{max: limit, clients: map[chan event]struct{}{}} }

// join returns a channel of the events from now on, which is closed when the
// client is dropped; nil if there are too many clients.
func (h *hub) join() chan event {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(h.clients) >= h.max {
		return nil
	}
	c := make(chan event, streamBuffer)
	h.clients[c] = struct{}{}
	return c
}

func (h *hub) leave(c chan event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(c)
}

func (h *hub) drop(c chan event) {
	if _, ok := h.clients[c]; ok {
		delete(h.clients, c)
		close(c)
	}
}

// send never waits.
func (h *hub) send(name string, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		return // of our own types: not possible
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.clients {
		select {
		case c <- event{name, data}:
		default:
			h.drop(c)
		}
	}
}

// close ends all streams for good.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for c := range h.clients {
		h.drop(c)
	}
}

// events streams what changes:
//
//	event: hello    {}                    the stream begins: read the lists
//	event: article  the article, as in /v1/articles
//	event: gone     {"id": ...}           an article was removed
//	event: shelf    {"reader": ...}       recommendations changed
//	event: feeds    {}                    feeds or their health changed
//	event: readers  {}                    readers changed
//	event: mark     {"reader": ..., "article": ..., "read": ..., "judged": ...}
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	c := s.hub.join()
	if c == nil {
		w.Header().Set("Retry-After", "10")
		views.WriteProblem(w, http.StatusServiceUnavailable, "too many pages are open at once, or the service ends")
		return
	}
	defer s.hub.leave(c)
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // else nginx holds events back
	out := http.NewResponseController(w)
	write := func(format string, args ...any) bool {
		// The server's own limit is for whole answers; this one has no end.
		if err := out.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil {
			return false
		}
		if _, err := fmt.Fprintf(w, format, args...); err != nil {
			return false
		}
		return out.Flush() == nil
	}
	if !write("retry: 2000\nevent: hello\ndata: {}\n\n") {
		return
	}
	beat := time.NewTicker(s.cfg.Heartbeat)
	defer beat.Stop()
	for {
		select {
		case e, ok := <-c:
			if !ok || !write("event: %s\ndata: %s\n\n", e.name, e.data) {
				return
			}
		case <-beat.C:
			if !write(": alive\n\n") {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}
