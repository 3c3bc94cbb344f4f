package pipeline

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestBackoffDoublesUpToItsMaximum(t *testing.T) {
	b := Backoff{Min: 100 * time.Millisecond, Max: time.Second}.withDefaults()
	for n, want := range map[int]time.Duration{1: 100e6, 2: 200e6, 3: 400e6, 4: 800e6, 5: time.Second, 100: time.Second, math.MaxInt: time.Second} {
		if got := b.Wait(n, 0); got != want {
			t.Errorf("wait after attempt %d is %v, want %v", n, got, want)
		}
	}
	if got := (Backoff{}).withDefaults(); got != (Backoff{100 * time.Millisecond, 30 * time.Second}) {
		t.Errorf("default %+v", got)
	}
	if got := (Backoff{Min: time.Hour}).withDefaults().Max; got != time.Hour {
		t.Errorf("with a Min of an hour, Max is %v", got)
	}
}

func TestBackoffStaysInItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Backoff{Min: time.Duration(rapid.Int64Range(1, math.MaxInt64).Draw(t, "min"))}
		b.Max = time.Duration(rapid.Int64Range(int64(b.Min), math.MaxInt64).Draw(t, "max"))
		n, chance := rapid.IntRange(1, math.MaxInt).Draw(t, "n"), rapid.Float64Range(0, 0.999).Draw(t, "chance")
		if d := b.Wait(n, chance); d < b.Min/2 || d > b.Max {
			t.Fatalf("wait %v of %+v", d, b)
		}
	})
}

func TestWhatIsRetried(t *testing.T) {
	plain := errors.New("plain")
	for _, tt := range []struct {
		stage Stage
		err   error
		want  bool
	}{
		{StageHandle, plain, true},
		{StageHandle, Permanent(plain), false},
		{StageHandle, fmt.Errorf("more: %w", Permanent(plain)), false},
		{StageHandle, Retryable(Permanent(plain)), true},
		{StageHandle, ErrForeignHandle, false},
		{StageRead, ErrNoKey, false},
		{StageDecode, plain, false},
		{StageDecode, Retryable(plain), true},
		{StageEncode, plain, false},
		{StagePanic, plain, false},
	} {
		if got := (&RecordError{Stage: tt.stage, Err: tt.err}).retryable(); got != tt.want {
			t.Errorf("%s, %v: retried %v, want %v", tt.stage, tt.err, got, tt.want)
		}
	}
	if Permanent(nil) != nil || Retryable(nil) != nil {
		t.Error("a nil error was marked")
	}
	if !errors.Is(Permanent(plain), plain) || Permanent(plain).Error() != "plain" {
		t.Error("the mark hides the error")
	}
}
