package pipeline_test

import (
	"io"
	"log/slog"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/transport/memory"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/storage"
	memstore "github.com/millrace/millrace/storage/memory"
)

// memoryConfig is for a cluster in memory.
func memoryConfig() pipeline.Config { return configOf(memory.New(memory.Config{})) }

func configOf(cluster *memory.Cluster) pipeline.Config {
	c := pipeline.Config{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
	return c.WithEngine(func(e *engine.Config) {
		e.Cluster = cluster
		e.OpenStore = func(s engine.StoreSpec) (storage.Store, error) {
			return memstore.New(storage.Identity{Topic: s.Topic, TopicID: s.TopicID, Partition: s.Partition}), nil
		}
	})
}
