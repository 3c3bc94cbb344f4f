package measure

import (
	"testing"
	"time"
)

// feed gives a meter what a contender looks like that commits so many records
// with each tenth of a second, and uses half of a processor. It returns the
// seconds until the measurement was over.
func feed(t *testing.T, m *meter, rate int64) float64 {
	t.Helper()
	began := time.Unix(1000, 0)
	m.last = sample{at: began}
	m.began = m.last
	for i := int64(1); i < 100_000; i++ {
		at := time.Duration(i) * 100 * time.Millisecond
		n := min(i*rate, m.total)
		if m.add(sample{at: began.Add(at), cpu: at / 2, input: n, commits: n}) {
			return at.Seconds()
		}
	}
	t.Fatal("it is never over")
	return 0
}

func TestMeter(t *testing.T) {
	for name, tt := range map[string]struct {
		from    float64
		limit   time.Duration
		rate    int64
		seconds float64 // until it is over
		records int64   // that were measured
		cut     bool
	}{
		// 1,000 records, ten to a tenth of a second: warm after 2 s, done after 10 s and a quiet second.
		"to the end":                  {from: 0.2, rate: 10, seconds: 11.1, records: 800},
		"to the end, within a limit":  {from: 0.2, limit: 9 * time.Second, rate: 10, seconds: 11.1, records: 800},
		"from the start":              {from: 0, rate: 10, seconds: 11.1, records: 1000},
		"cut":                         {from: 0.2, limit: 5 * time.Second, rate: 10, seconds: 7, records: 500, cut: true},
		"cut before it is warm":       {from: 0.2, limit: 5 * time.Second, rate: 1, seconds: 10.1, records: 50, cut: true},
		"done before the limit is up": {from: 0.2, limit: time.Second, rate: 400, seconds: 1.4, records: 600},
	} {
		t.Run(name, func(t *testing.T) {
			m := meter{total: 1000, quiet: quiet, from: tt.from, limit: tt.limit}
			if got := feed(t, &m, tt.rate); got != tt.seconds {
				t.Errorf("over after %v s, want %v", got, tt.seconds)
			}
			if got := m.last.input - m.began.input; got != tt.records || m.cut != tt.cut {
				t.Errorf("%d records, cut %v; want %d, %v", got, m.cut, tt.records, tt.cut)
			}
			if cpu, wall := m.last.cpu-m.began.cpu, m.last.at.Sub(m.began.at); cpu != wall/2 {
				t.Errorf("%v of processor time in %v", cpu, wall)
			}
		})
	}
}

// A contender that stops committing is not cut: nothing could be said of it.
func TestMeterWaitsForRecords(t *testing.T) {
	m := meter{total: 1000, quiet: quiet, from: 0.2, limit: time.Second}
	at := time.Unix(1000, 0)
	for range 100 {
		at = at.Add(100 * time.Millisecond)
		if m.add(sample{at: at, input: 300, commits: 300}) {
			t.Fatal("over without a record")
		}
	}
	if !m.add(sample{at: at.Add(time.Second), input: 301, commits: 301}) || !m.cut {
		t.Error("not over with a record")
	}
}
