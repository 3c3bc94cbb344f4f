package embedded

import (
	"context"
	"log/slog"
)

func recoverFolder(ctx context.Context, data string, clean bool, log *slog.Logger) error { return nil }
