package engine_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/metrics"
	"github.com/millrace/millrace/pipeline/views"
	"github.com/millrace/millrace/storage"
)

// stuckStore does not begin to be restored until it is let.
type stuckStore struct {
	storage.Store
	let <-chan struct{}
}

func (s stuckStore) NewBatch() storage.Batch {
	<-s.let
	return s.Store.NewBatch()
}

// While a store is restored, the status, the readiness and the metrics say how
// far it is.
func TestRestoreProgress(t *testing.T) {
	l := newLab(t, 1, "in", "out")
	s := l.start("m", dedupe())
	l.send("in", "a", "b", "c")
	l.settled(group, "in")
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	l.wipe()
	let := make(chan struct{})
	exporter := metrics.New(metrics.Options{NoRuntime: true})
	s = l.start("m", dedupe(), func(c *engine.Config) {
		open := c.OpenStore
		c.OpenStore = func(spec engine.StoreSpec) (storage.Store, error) {
			store, err := open(spec)
			return stuckStore{store, let}, err
		}
	})
	exporter.Hooks().Started(s.Service)
	answer := func(h http.Handler, path string) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code, w.Body.String()
	}
	l.until("a restore that shows", func() bool {
		ps := s.partitions()
		return len(ps) == 1 && ps[0].Restore != nil
	})
	if r := *s.partitions()[0].Restore; r != (pipeline.RestoreProgress{Table: "seen", End: 3}) {
		t.Errorf("progress %+v", r)
	}
	if code, body := answer(views.Handler(s.Service), "/readyz"); code != 503 ||
		!strings.Contains(body, `"restoring":[{"processor":"dedupe","role":"state","table":"seen","partition":0,"remaining":3,"percent":0}]`) {
		t.Errorf("ready: %d %s", code, body)
	}
	ratio := `millrace_restore_progress_ratio{partition="0",processor="dedupe",table="seen",topology="app"} 0`
	if _, body := answer(exporter.Handler(), "/metrics"); !strings.Contains(body, ratio) {
		t.Errorf("no %s in %s", ratio, body)
	}
	close(let)
	l.until("the end of the restore", func() bool { return s.Ready() && s.partitions()[0].Restore == nil })
	if _, body := answer(exporter.Handler(), "/metrics"); strings.Contains(body, "millrace_restore_progress_ratio{") {
		t.Error("a progress after the restore")
	}
}
