package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
)

// clusterLog passes kfake's log on. kfake reports a failure to save its state
// at a stop by its log alone, so errors of that time are kept.
type clusterLog struct {
	to *slog.Logger

	mu   sync.Mutex
	keep bool
	errs []error
}

func newClusterLog(to *slog.Logger) *clusterLog { return &clusterLog{to: to} }

// Logf implements kfake.Logger.
func (l *clusterLog) Logf(level kfake.LogLevel, format string, args ...any) {
	to := slog.LevelDebug
	switch level {
	case kfake.LogLevelError:
		to = slog.LevelError
		l.mu.Lock()
		if l.keep && len(l.errs) < 16 {
			l.errs = append(l.errs, fmt.Errorf(format, args...))
		}
		l.mu.Unlock()
	case kfake.LogLevelWarn:
		// That something took 10 ms is of use to those who tune kfake.
		if !strings.Contains(format, " slow ") {
			to = slog.LevelWarn
		}
	}
	ctx := context.Background()
	if l.to.Enabled(ctx, to) {
		l.to.Log(ctx, to, "embedded Kafka broker: "+fmt.Sprintf(format, args...))
	}
}

func (l *clusterLog) keepErrors() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keep = true
}

func (l *clusterLog) errors() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.errs...)
}
