package registry_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/millrace/millrace/internal/leaktest"
	"github.com/millrace/millrace/pipeline/codec/registry"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// lab is a registry with a counter of its requests, which can be taken away.
type lab struct {
	fake     *srfake.Registry
	requests atomic.Int64
	status   atomic.Int64 // answered instead; 0: nothing is
	now      atomic.Int64 // seconds
}

func newLab(t *testing.T) *lab {
	l := &lab{fake: srfake.New()}
	t.Cleanup(l.fake.Close)
	l.fake.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		l.requests.Add(1)
		if s := l.status.Load(); s != 0 {
			w.WriteHeader(int(s))
			return true
		}
		return false
	})
	return l
}

func (l *lab) registry(t *testing.T) *registry.Registry {
	t.Helper()
	r, err := registry.New(registry.Config{URLs: []string{l.fake.URL() + "/"}, Schemas: 8,
		RetryAfter: 10 * time.Millisecond, Now: func() time.Time { return time.Unix(l.now.Load(), 0) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// bind joins a format whose encoders and decoders are the schemas themselves.
func bind(t *testing.T, r *registry.Registry, text string, opts ...registry.Option) *registry.Binding[registry.Schema, registry.Schema] {
	t.Helper()
	same := func(s registry.Schema) (registry.Schema, error) {
		if strings.Contains(s.Text, "unreadable") {
			return s, registry.ErrIncompatible
		}
		return s, nil
	}
	b, err := registry.Bind(r, registry.TopicValue("orders"), registry.Format[registry.Schema, registry.Schema]{
		Schema: registry.Schema{Type: registry.Avro, Text: text}, Encoder: same, Decoder: same}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func avroSchema(text string) sr.Schema { return sr.Schema{Schema: text, Type: sr.TypeAvro} }

func TestSchemasAreAskedForOnce(t *testing.T) {
	l := newLab(t)
	l.fake.SeedSchema("orders-value", 1, 7, avroSchema(`"string"`))
	b := bind(t, l.registry(t), `"long"`)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if s, err := b.Decoder(7); err != nil || s.Text != `"string"` {
				t.Errorf("decoder of schema 7: %v, %v", s, err)
			}
		})
	}
	all.Wait()
	if n := l.requests.Load(); n != 1 {
		t.Errorf("%d requests for one schema", n)
	}
	for range 3 {
		if id, _, err := b.Encoder(); err != nil || id != 8 {
			t.Errorf("registered as %d, %v", id, err)
		}
	}
	if n := l.requests.Load() - 1; n != 1 {
		t.Errorf("%d requests to register one schema", n)
	}
}

func TestUnknownSchemas(t *testing.T) {
	l := newLab(t)
	b := bind(t, l.registry(t), `"long"`)
	ask := func() {
		t.Helper()
		if _, err := b.Decoder(7); !errors.Is(err, registry.ErrUnknownSchema) {
			t.Errorf("an unknown schema: %v", err)
		}
	}
	ask()
	ask()
	if n := l.requests.Load(); n != 1 {
		t.Errorf("%d requests for an unknown schema", n)
	}
	for id := range 100 { // of somebody's making: they are not kept for ever, and drive out nothing
		_, _ = b.Decoder(1000 + id)
	}
	l.fake.SeedSchema("orders-value", 1, 7, avroSchema(`"long"`))
	ask2 := func() error { _, err := b.Decoder(7); return err }
	l.now.Add(31)
	if err := ask2(); err != nil {
		t.Errorf("a schema that is known by now: %v", err)
	}
	before := l.requests.Load()
	for id := range 100 {
		_, _ = b.Decoder(2000 + id)
	}
	if err := ask2(); err != nil || l.requests.Load() != before+100 {
		t.Errorf("unknown ids drove out a schema: %v, %d requests", err, l.requests.Load()-before)
	}
}

func TestRegistryAwayAndBack(t *testing.T) {
	l := newLab(t)
	l.fake.SeedSchema("orders-value", 1, 7, avroSchema(`"long"`))
	b := bind(t, l.registry(t), `"long"`)
	l.status.Store(http.StatusServiceUnavailable)
	for range 5 {
		if _, err := b.Decoder(7); !errors.Is(err, registry.ErrUnavailable) {
			t.Errorf("registry away: %v", err)
		}
		if _, _, err := b.Encoder(); !errors.Is(err, registry.ErrUnavailable) {
			t.Errorf("registry away: %v", err)
		}
	}
	if n := l.requests.Load(); n != 1 {
		t.Errorf("%d requests within RetryAfter", n)
	}
	l.status.Store(0)
	l.now.Add(1)
	if _, err := b.Decoder(7); err != nil {
		t.Errorf("registry back: %v", err)
	}
	if id, _, err := b.Encoder(); err != nil || id != 7 {
		t.Errorf("registry back: %d, %v", id, err)
	}
	l.status.Store(http.StatusServiceUnavailable)
	if _, err := b.Decoder(7); err != nil {
		t.Errorf("a schema that is known, registry away: %v", err)
	}
}

func TestCheckWaitsForTheRegistry(t *testing.T) {
	l := newLab(t)
	l.status.Store(http.StatusBadGateway)
	b := bind(t, l.registry(t), `"long"`)
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Check(ctx, true) }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for l.requests.Load() < 3 { // it asks again
		<-tick.C
	}
	l.status.Store(0)
	if err := <-done; err != nil {
		t.Errorf("the registry is back: %v", err)
	}
	l.status.Store(http.StatusBadGateway)
	why := errors.New("waited enough")
	cancel(why)
	if err := bind(t, l.registry(t), `"int"`).Check(ctx, true); !errors.Is(err, why) || !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("the registry stays away: %v", err)
	}
}

func TestCheckEndsWhereWaitingDoesNotHelp(t *testing.T) {
	for status, want := range map[int]error{
		http.StatusUnauthorized: registry.ErrRefused, http.StatusForbidden: registry.ErrRefused, http.StatusNotFound: registry.ErrRefused,
		http.StatusConflict: registry.ErrIncompatible, http.StatusUnprocessableEntity: registry.ErrInvalidSchema,
	} {
		l := newLab(t)
		l.status.Store(int64(status))
		if err := bind(t, l.registry(t), `"long"`).Check(t.Context(), true); !errors.Is(err, want) || !strings.Contains(err.Error(), "orders-value") {
			t.Errorf("status %d: %v, want %v and the subject", status, err, want)
		}
	}
}

func TestModes(t *testing.T) {
	for name, tt := range map[string]struct {
		there string // "": nothing
		opts  []registry.Option
		id    int
		err   error
		text  string
	}{
		"registered itself":          {"", nil, 1, nil, `"long"`},
		"registered beside another":  {`"int"`, nil, 8, nil, `"long"`},
		"registered before":          {`"long"`, nil, 7, nil, `"long"`},
		"used":                       {`"long"`, []registry.Option{registry.UseRegistered()}, 7, nil, `"long"`},
		"to be used, another there":  {`"int"`, []registry.Option{registry.UseRegistered()}, 0, registry.ErrNotRegistered, ""},
		"to be used, none there":     {"", []registry.Option{registry.UseRegistered()}, 0, registry.ErrNotRegistered, ""},
		"the latest":                 {`"int"`, []registry.Option{registry.UseLatest()}, 7, nil, `"int"`},
		"the latest, none there":     {"", []registry.Option{registry.UseLatest()}, 0, registry.ErrNotRegistered, ""},
		"the latest, does not do":    {`"unreadable"`, []registry.Option{registry.UseLatest()}, 0, registry.ErrIncompatible, ""},
		"another that is unreadable": {`"unreadable"`, nil, 8, nil, `"long"`},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			if tt.there != "" {
				l.fake.SeedSchema("orders-value", 1, 7, avroSchema(tt.there))
			}
			b := bind(t, l.registry(t), `"long"`, tt.opts...)
			if err := b.Check(t.Context(), true); !errors.Is(err, tt.err) {
				t.Errorf("Check: %v, want %v", err, tt.err)
			}
			id, s, err := b.Encoder()
			if id != tt.id || s.Text != tt.text || !errors.Is(err, tt.err) {
				t.Errorf("%d, %q, %v; want %d, %q, %v", id, s.Text, err, tt.id, tt.text, tt.err)
			}
		})
	}
}

func TestCheckOfAReader(t *testing.T) {
	l := newLab(t)
	b := bind(t, l.registry(t), `"long"`)
	if err := b.Check(t.Context(), false); err != nil {
		t.Errorf("nothing was written yet: %v", err)
	}
	if l.fake.SubjectExists("orders-value") {
		t.Error("a reader registered its schema")
	}
	l.fake.SeedSchema("orders-value", 1, 1, avroSchema(`"unreadable"`))
	if err := b.Check(t.Context(), false); !errors.Is(err, registry.ErrIncompatible) || !strings.Contains(err.Error(), "orders-value, version 1") {
		t.Errorf("the newest cannot be read: %v", err)
	}
	l.fake.SeedSchema("orders-value", 2, 2, avroSchema(`"int"`))
	l.fake.SeedSchema("orders-value", 3, 3, avroSchema(`"long"`))
	if err := b.Check(t.Context(), false); err != nil {
		t.Errorf("an old one cannot be read: %v", err)
	}
	before := l.requests.Load()
	for id := 2; id <= 3; id++ {
		if _, err := b.Decoder(id); err != nil {
			t.Error(err)
		}
	}
	if l.requests.Load() != before {
		t.Error("schemas were asked for that were read at start")
	}
	l.fake.SeedSchema("orders-value", 4, 4, sr.Schema{Schema: "{}", Type: sr.TypeJSON})
	if err := b.Check(t.Context(), false); !errors.Is(err, registry.ErrIncompatible) || !strings.Contains(err.Error(), "JSON") {
		t.Errorf("a schema of another format: %v", err)
	}
}

func TestReferences(t *testing.T) {
	l := newLab(t)
	l.fake.SeedSchema("a", 1, 1, avroSchema(`"a"`))
	l.fake.SeedSchema("b", 1, 2, sr.Schema{Schema: `"b"`, References: []sr.SchemaReference{{Name: "A", Subject: "a", Version: 1}}})
	answers := map[string]string{
		"/schemas/ids/3":         `{"schema": "c", "references": [{"name": "gone", "subject": "gone", "version": 1}]}`,
		"/schemas/ids/4":         `{"schema": "d", "references": [{"name": "d", "subject": "d", "version": 1}, {"name": "d2", "subject": "d", "version": 1}]}`,
		"/subjects/d/versions/1": `{"schema": "d", "id": 4, "references": [{"name": "d", "subject": "d", "version": 1}, {"name": "d2", "subject": "d", "version": 1}]}`,
	}
	l.fake.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		answer, ok := answers[r.URL.Path]
		if ok {
			_, _ = io.WriteString(w, answer)
		}
		return ok
	})
	r := l.registry(t)
	b := bind(t, r, `"long"`)
	s, err := b.Decoder(2)
	if err != nil || len(s.References) != 1 || s.References[0].Name != "A" || s.References[0].Schema.Text != `"a"` {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := b.Decoder(3); !errors.Is(err, registry.ErrUnknownSchema) {
		t.Errorf("a reference that is gone: %v", err)
	}
	if _, err := b.Decoder(4); !errors.Is(err, registry.ErrInvalidSchema) {
		t.Errorf("a schema that refers to itself: %v", err)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	l := newLab(t)
	l.fake.SeedSchema("orders-value", 1, 7, avroSchema(`"`+strings.Repeat("x", 10_000)+`"`))
	r, err := registry.New(registry.Config{URLs: []string{l.fake.URL()}, SchemaBytes: 1000})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := bind(t, r, `"long"`).Decoder(7); !errors.Is(err, registry.ErrUnavailable) || !strings.Contains(err.Error(), "SchemaBytes") {
		t.Errorf("a long answer: %v", err)
	}
}

func TestTimeout(t *testing.T) {
	l := newLab(t)
	release := make(chan struct{})
	l.fake.Intercept(func(http.ResponseWriter, *http.Request) bool { <-release; return false })
	defer close(release)
	r, err := registry.New(registry.Config{URLs: []string{l.fake.URL()}, Timeout: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := bind(t, r, `"long"`).Decoder(7); !errors.Is(err, registry.ErrUnavailable) || !strings.Contains(err.Error(), "no answer within 20ms") {
		t.Errorf("no answer: %v", err)
	}
}

func TestConfig(t *testing.T) {
	_, err := registry.New(registry.Config{URLs: []string{"localhost:8081", "http://u:p@h", "http://"}, Token: "t", Username: "u", Timeout: -1})
	for _, want := range []string{`"localhost:8081"`, "has credentials", `"http://" is not`, "one of the two", "-1ns is negative"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in: %v", want, err)
		}
	}
	if err != nil && strings.Contains(err.Error(), "u:p@") {
		t.Errorf("it shows a password: %v", err)
	}
	if _, err := registry.New(registry.Config{}); err == nil {
		t.Error("no URL was taken")
	}
}

func TestCredentials(t *testing.T) {
	for _, tt := range []struct {
		c    registry.Config
		want string
	}{
		{registry.Config{Username: "u", Password: "p"}, "Basic dTpw"},
		{registry.Config{Token: "t"}, "Bearer t"},
	} {
		fake := srfake.New(srfake.WithAuth(tt.want))
		defer fake.Close()
		tt.c.URLs = []string{fake.URL()}
		r, err := registry.New(tt.c)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if _, _, err := bind(t, r, `"long"`).Encoder(); err != nil {
			t.Errorf("%s: %v", tt.want, err)
		}
	}
}

func TestSubjects(t *testing.T) {
	for want, s := range map[string]registry.Subject{"t-value": registry.TopicValue("t"), "t-key": registry.TopicKey("t"),
		"com.R": registry.RecordName(), "t-com.R": registry.TopicRecordName("t")} {
		if got := s("com.R"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
