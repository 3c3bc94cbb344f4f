package views_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/pipeline/views"
)

// serve runs a server until the test ends, or the returned function is called.
func serve(t *testing.T, s views.Server) (address string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	started, done := make(chan net.Addr, 1), make(chan error, 1)
	if s.Address == "" {
		s.Address = "127.0.0.1:0"
	}
	s.Started = func(a net.Addr) { started <- a }
	go func() { done <- s.Run(ctx) }()
	stop = func() error {
		cancel()
		err := <-done
		done <- err
		http.DefaultClient.CloseIdleConnections()
		return err
	}
	t.Cleanup(func() { _ = stop() })
	select {
	case a := <-started:
		return a.String(), stop
	case err := <-done:
		t.Fatal(err)
		return "", nil
	}
}

// events is a client of a stream.
type events struct {
	t    *testing.T
	body *bufio.Scanner
	end  context.CancelFunc
}

func follow(t *testing.T, url string) *events {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		if tcp, ok := c.(*net.TCPConn); ok { // what waits there has not reached the client
			_ = tcp.SetReadBuffer(16 << 10)
		}
		return c, err
	}
	transport := &http.Transport{DialContext: dial}
	t.Cleanup(transport.CloseIdleConnections)
	resp, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	if ct := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || ct != "text/event-stream" {
		t.Fatalf("%s: %s, %s", url, resp.Status, ct)
	}
	e := &events{t, bufio.NewScanner(resp.Body), cancel}
	e.body.Buffer(nil, 1<<20)
	return e
}

// next returns the next event as "name data", or a comment; "" at the end.
func (e *events) next() string {
	e.t.Helper()
	var name, data string
	for e.body.Scan() {
		line := e.body.Text()
		switch {
		case line == "" && (name != "" || data != ""):
			return strings.TrimSpace(name + " " + data)
		case strings.HasPrefix(line, ":"):
			return line
		case strings.HasPrefix(line, "event: "):
			name = line[7:]
		case strings.HasPrefix(line, "data: "):
			data = line[6:]
		}
	}
	return ""
}

func (e *events) expect(want ...string) {
	e.t.Helper()
	for _, w := range want {
		if got := e.next(); got != w {
			e.t.Fatalf("event %q, want %q", got, w)
		}
	}
}

func TestStream(t *testing.T) {
	d, h := start(t)
	a, stop := serve(t, views.Server{Handler: h})
	d.Send(words.Record("a", "x"), words.Record("b", "x"), words.Record("b", "x"))
	all := follow(t, "http://"+a+"/v1/tables/counts")
	all.expect("reset {}", `row {"key":"a","value":1}`, `row {"key":"b","value":2}`, `ready {"rows":2}`)
	some := follow(t, "http://"+a+"/v1/tables/counts?prefix=b")
	some.expect("reset {}", `row {"key":"b","value":2}`, `ready {"rows":1}`)
	one := follow(t, "http://"+a+"/v1/tables/counts/a%2Fb")
	one.expect("reset {}", `ready {"rows":0}`)
	d.Send(words.Record("a", "x"), words.Record("b", "x"), words.Record("a/b", "x"), words.Record("a/b/c", "x"))
	all.expect(`change {"key":"a","value":2}`, `change {"key":"b","value":3}`, `change {"key":"a/b","value":1}`)
	some.expect(`change {"key":"b","value":3}`)
	one.expect(`change {"key":"a/b","value":1}`)
	if err := stop(); err != nil {
		t.Error(err)
	}
	one.expect(`end {"title":"the stream ended","status":503,"detail":"the server shuts down"}`, "")
}

func TestStreamOfDeletionsAndBytes(t *testing.T) {
	d := tableDriver(t)
	a, _ := serve(t, views.Server{Handler: views.Handler(d.Service())})
	d.Send(shelf.Row("k", "v"), shelf.Row("\xff\x00", "binary"))
	e := follow(t, "http://"+a+"/v1/tables/shelf")
	e.expect("reset {}", `row {"key":"k","value":"v"}`, `row {"key":"\ufffd\u0000","keyBase64":"/wA=","value":"binary"}`, `ready {"rows":2}`)
	d.Send(shelf.Deleted("k"), shelf.Deleted("\xff\x00"))
	e.expect(`delete {"key":"k"}`, `delete {"key":"\ufffd\u0000","keyBase64":"/wA="}`)

	var page struct {
		Items      []pipeline.Row
		NextBase64 []byte
	}
	d.Send(shelf.Row("k", "v"), shelf.Row("\xfe", "1"), shelf.Row("\xff", "2"))
	keys, target := []string{}, "/v1/tables/shelf?limit=1"
	for range 4 {
		_, _, body := get(t, views.Handler(d.Service()), target)
		page.NextBase64, page.Items = nil, nil
		if err := json.Unmarshal([]byte(body), &page); err != nil {
			t.Fatal(err)
		}
		for _, i := range page.Items {
			keys = append(keys, max(string(i.KeyBytes), i.Key))
		}
		if page.NextBase64 == nil {
			break
		}
		b, _ := json.Marshal(page.NextBase64)
		target = "/v1/tables/shelf?limit=1&fromBase64=" + strings.ReplaceAll(strings.Trim(string(b), `"`), "/", "%2F")
	}
	if want := []string{"k", "\xfe", "\xff"}; !slices.Equal(keys, want) {
		t.Errorf("pages with keys %q, want %q", keys, want)
	}
}

func TestHeartbeat(t *testing.T) {
	d, _ := start(t)
	a, _ := serve(t, views.Server{Handler: views.NewHandler(d.Service(), time.Millisecond)})
	e := follow(t, "http://"+a+"/v1/tables/counts")
	e.expect("reset {}", `ready {"rows":0}`, ": heartbeat", ": heartbeat")
}

// A client that reads nothing is dropped, and the table goes on meanwhile.
func TestSlowClientIsDropped(t *testing.T) {
	d := tableDriver(t)
	a, _ := serve(t, views.Server{Handler: views.Handler(d.Service())})
	e := follow(t, "http://"+a+"/v1/tables/shelf")
	e.expect("reset {}", `ready {"rows":0}`)
	value := strings.Repeat("v", 256<<10)
	var rows []pipeline.Record
	for i := range 48 { // beyond what the sockets hold, and what may wait
		rows = append(rows, shelf.Row(fmt.Sprint(i), value))
	}
	d.Pipe(rows...)
	n, last := 0, ""
	for ev := e.next(); ev != ""; ev = e.next() {
		n, last = n+1, ev
	}
	if n >= 48 || !strings.HasPrefix(last, "end ") || !strings.Contains(last, "too slow") {
		t.Errorf("after %d changes the stream ended with %.200q", n, last)
	}
}

func TestTooManyStreams(t *testing.T) {
	d, h := start(t)
	a, _ := serve(t, views.Server{Handler: h})
	for range views.MaxStreams {
		follow(t, "http://"+a+"/v1/tables/counts").expect("reset {}")
	}
	code, header, body := get(t, h, "/v1/tables/counts", "Accept", "text/event-stream")
	if code != 503 || header.Get("Retry-After") == "" || !strings.Contains(body, "limit") {
		t.Errorf("one stream more: %d %s", code, body)
	}
	if code, _, _ := get(t, h, "/v1/tables/counts"); code != 200 {
		t.Errorf("a page meanwhile: %d", code)
	}
	_ = d
}

// The end of the service ends its streams.
func TestStreamEndsWithTheService(t *testing.T) {
	d, h := start(t)
	a, _ := serve(t, views.Server{Handler: h})
	e := follow(t, "http://"+a+"/v1/tables/counts")
	e.expect("reset {}", `ready {"rows":0}`)
	d.Restart()
	e.expect(`end {"title":"the stream ended","status":503,"detail":"watch table counts: service is not running"}`, "")
}

var shelf = pipeline.NewTable("shelf", codec.String())

// tableDriver runs a topology with a view of shelf, which the test writes.
func tableDriver(t *testing.T) *pipelinetest.Driver {
	p := pipeline.Process("watcher")
	pipeline.Changes(p, shelf, func(*pipeline.Context, pipeline.Change[string]) error { return nil })
	return pipelinetest.New(t, pipeline.New("app").From(shelf).Add(p), pipelinetest.Views(shelf))
}
