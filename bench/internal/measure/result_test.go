package measure

import (
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	var r Result
	if got := r.Percentile(0.5); got != 0 {
		t.Errorf("without latencies: %v", got)
	}
	for i := range 1000 {
		r.Latencies = append(r.Latencies, time.Duration(i+1)*time.Millisecond)
	}
	for share, want := range map[float64]time.Duration{0: time.Millisecond, 0.5: 501 * time.Millisecond, 0.99: 991 * time.Millisecond, 1: time.Second} {
		if got := r.Percentile(share); got != want {
			t.Errorf("p%v = %v, want %v", share*100, got, want)
		}
	}
}
