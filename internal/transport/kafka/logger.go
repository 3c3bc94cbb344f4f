package kafka

import (
	"context"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kgo"
)

// levelTrace is below slog.LevelDebug: franz-go's own debugging, several lines
// a request.
const levelTrace = slog.LevelDebug - 4

// logger hands on what franz-go says. Its errors are warnings here: it tries
// again by itself, and what it cannot mend comes back as an error.
type logger struct{ log *slog.Logger }

var _ kgo.Logger = logger{}

// Level implements kgo.Logger.
func (l logger) Level() kgo.LogLevel {
	switch {
	case l.log.Enabled(context.Background(), levelTrace):
		return kgo.LogLevelDebug
	case l.log.Enabled(context.Background(), slog.LevelDebug):
		return kgo.LogLevelInfo
	}
	return kgo.LogLevelError
}

// Log implements kgo.Logger.
func (l logger) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	to := slog.LevelDebug
	switch level {
	case kgo.LogLevelError:
		to = slog.LevelWarn
	case kgo.LogLevelDebug:
		to = levelTrace
	}
	l.log.Log(context.Background(), to, "kafka: "+msg, keyvals...)
}
