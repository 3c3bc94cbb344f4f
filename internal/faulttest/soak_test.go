//go:build kafka && linux

package faulttest

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/millrace/millrace/pipeline"
)

// soakEnv is how long the soak is, as time.ParseDuration reads it.
const soakEnv = "MILLRACE_SOAK"

// soak is a run on a cluster and networks of its own.
type soak struct {
	*run
	k    cluster
	nets []*network // of each service
}

// soakFaults are what may happen, and how likely each is.
var soakFaults = []struct {
	weight int
	happen func(s *soak, i int) // to service, network or broker i
}{
	{6, func(s *soak, i int) { s.kill9(i); s.start(i) }},
	{2, func(s *soak, i int) { s.services[i].stop(); s.fault("service stopped"); s.start(i) }},
	{2, func(s *soak, i int) { s.sleep(i, 2*time.Second) }},
	{1, func(s *soak, i int) { s.sleep(i, partitioned) }},
	{1, func(s *soak, i int) { s.k.stopped(s.run, i) }},
	{1, func(s *soak, i int) { s.k.killed(s.run, i) }},
	{1, func(s *soak, i int) { s.k.paused(s.run, i) }},
	{1, (*soak).bothKilled},
	{4, func(s *soak, i int) { netFaults[s.random.IntN(len(netFaults))].happen(s.run, s.nets[i], nothing) }},
	{1, func(s *soak, i int) { s.kill9(i); s.wipe(i, "folder wiped"); s.start(i) }},
	{1, func(s *soak, i int) { s.kill9(i); damage(s.run, s.services[i].Dir, false); s.start(i) }},
	{1, func(s *soak, i int) { s.kill9(i); damage(s.run, s.services[i].Dir, true); s.start(i) }},
	{1, func(s *soak, i int) { s.wipe(i, "folder deleted under the service") }},
}

func (s *soak) sleep(i int, d time.Duration) {
	s.services[i].pause()
	s.fault(fmt.Sprintf("service paused for %v", d))
	s.pass(d)
	s.services[i].resume()
}

func (s *soak) wipe(i int, what string) {
	s.must(removeAll(s.services[i].Dir))
	s.fault(what)
}

// bothKilled kills a service while a broker is away.
func (s *soak) bothKilled(i int) {
	broker := s.random.IntN(3)
	s.must(s.k.Kill(broker))
	s.fault("broker killed")
	s.kill9(i)
	s.start(i)
	s.pass(time.Second)
	s.k.back(broker)
}

// Three services, each with a standby of another's state, and three brokers
// under load, and something happens to one of
// them, or to what is between them, every few seconds.
func TestSoak(t *testing.T) {
	lasts := either(3*time.Minute, 0)
	if e := os.Getenv(soakEnv); e != "" {
		var err error
		if lasts, err = time.ParseDuration(e); err != nil {
			t.Fatalf("%s: %v", soakEnv, err)
		}
	}
	if lasts == 0 {
		t.Skipf("has no short form: run it by make test-faults, or set %s to how long it shall last", soakEnv)
	}
	nets := []*network{newNetwork(t), newNetwork(t), newNetwork(t)}
	k := newCluster(t, nets[0].listener(), nets[1].listener(), nets[2].listener())
	s := &soak{newRun(t, k.Addresses(), pipeline.ExactlyOnce, "eos-hop", 3), k, nets}
	s.patience(lasts + 3*patient)
	for i, w := range nets {
		w.connect(k.ListenerAddresses(i))
		s.services[i].Brokers, s.services[i].Standbys = w.addresses(), 1
	}
	s.startAll()
	stop := s.load(500)
	total := 0
	for _, f := range soakFaults {
		total += f.weight
	}
	began := time.Now()
	for n := 0; time.Since(began) < lasts; n++ {
		pick, f := s.random.IntN(total), 0
		for ; pick >= soakFaults[f].weight; f++ {
			pick -= soakFaults[f].weight
		}
		soakFaults[f].happen(s, s.random.IntN(3))
		for i := range s.services {
			s.revive(i)
		}
		s.pass(time.Duration(s.random.IntN(4000)) * time.Millisecond)
		if n%10 == 9 {
			s.Logf("%v: %s", time.Since(began).Round(time.Second), summary(s.faults))
		}
	}
	stop()
	figures := s.finish()

	var b strings.Builder
	b.WriteString("\n")
	w := tabwriter.NewWriter(&b, 0, 0, 1, ' ', 0)
	line := func(what string, n any) { fmt.Fprintf(w, "| %s\t| %v\t|\n", what, n) }
	line("soak", lasts)
	line("---", "---")
	for _, what := range slices.Sorted(maps.Keys(s.faults)) {
		line(what, s.faults[what])
	}
	line("transactions left open by kills", s.open)
	line("records", figures.records)
	line("outputs compared", figures.compared)
	line("lost", figures.lost)
	line("doubled", figures.duplicates)
	_ = w.Flush() // to memory
	s.Log(b.String())
}
