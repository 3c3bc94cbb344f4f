//go:build kafka

package faulttest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/rs/zerolog"

	"github.com/millrace/millrace/internal/kafkacluster"
	"github.com/millrace/millrace/internal/programtest"
)

// network is what lies between a service and the brokers: a proxy before each
// of them, at a listener that tells clients of the proxies' addresses only.
type network struct {
	t       *testing.T
	proxies []*toxiproxy.Proxy
}

// newNetwork makes the proxies. Their addresses are known before the brokers
// start, and those of the brokers only afterwards; see connect.
func newNetwork(t *testing.T) *network {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	w := &network{t: t}
	for i := range 3 {
		p := toxiproxy.NewProxy(server, fmt.Sprint("broker", i), programtest.FreeAddress(t), "")
		w.proxies = append(w.proxies, p)
		t.Cleanup(p.Stop)
	}
	return w
}

func (w *network) addresses() (all []string) {
	for _, p := range w.proxies {
		all = append(all, p.Listen)
	}
	return all
}

func (w *network) listener() kafkacluster.Listener {
	return kafkacluster.Listener{Protocol: "PLAINTEXT", Advertised: w.addresses()}
}

// connect lets the proxies forward to the brokers.
func (w *network) connect(upstream []string) {
	w.t.Helper()
	for i, p := range w.proxies {
		p.Upstream = upstream[i]
		if err := p.Start(); err != nil {
			w.t.Fatal(err)
		}
	}
}

// fail makes something wrong with all connections, in one direction (upstream
// is to the brokers) or in "both", until mend.
func (w *network) fail(toxic, direction string, attributes map[string]int64) {
	w.t.Helper()
	directions := []string{direction}
	if direction == "both" {
		directions = []string{"upstream", "downstream"}
	}
	for _, d := range directions {
		b, err := json.Marshal(map[string]any{"name": toxic + d, "type": toxic, "stream": d, "attributes": attributes})
		if err != nil {
			w.t.Fatal(err)
		}
		for _, p := range w.proxies {
			if _, err := p.Toxics.AddToxicJson(strings.NewReader(string(b))); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// mend takes away what fail did. Connections that were silent are closed.
func (w *network) mend() {
	w.t.Helper()
	for _, p := range w.proxies {
		for _, toxic := range p.Toxics.GetToxicArray() {
			if err := p.Toxics.RemoveToxic(w.t.Context(), toxic.(*toxics.ToxicWrapper).Name); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}
