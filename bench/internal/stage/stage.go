// Package stage is what every measurement here begins with: the contenders'
// programs, three brokers, and a connection to them.
package stage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/millrace/millrace/bench/internal/contender"
	"github.com/millrace/millrace/bench/internal/topics"
	"github.com/millrace/millrace/internal/kafkacluster"
)

// Stage has all of it until it is closed.
type Stage struct {
	Root    string // the project's folder
	Dir     string // temporary, with the programs
	Brokers []string
	Topics  *topics.Topics
	// Missing says of contenders, by name, why they could not be built here:
	// those in Python, without it.
	Missing map[string]error

	cluster *kafkacluster.Cluster
}

// Open builds the programs of contenders and starts the brokers. It is to be
// called in the project's folder. Topics will have so many partitions.
func Open(ctx context.Context, contenders []contender.Contender, partitions int) (_ *Stage, err error) {
	s := &Stage{}
	if s.Root, err = os.Getwd(); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(s.Root, "bench", "peers")); err != nil {
		return nil, fmt.Errorf("run it in the project's folder: %w", err)
	}
	if s.Dir, err = os.MkdirTemp("", "bench-*"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.Missing, err = contender.Build(ctx, s.Root, s.Dir, contenders); err != nil {
		return nil, err
	}
	// Brokers as in production: the compiler optimises, and has memory. Topics
	// that are removed leave the disk soon.
	s.cluster, err = kafkacluster.Start(ctx, kafkacluster.Config{Heap: "1g", StartTimeout: 5 * time.Minute, JavaOptions: []string{"-XX:TieredStopAtLevel=4"},
		ExtraProperties: map[string]string{"log.segment.delete.delay.ms": "1000", "log.retention.hours": "-1"}})
	if err != nil {
		return nil, err
	}
	s.Brokers = s.cluster.Addresses()
	s.Topics, err = topics.Open(s.Brokers, partitions)
	return s, err
}

// Close ends the brokers and removes the folder.
func (s *Stage) Close() error {
	var err error
	if s.Topics != nil {
		s.Topics.Close()
	}
	if s.cluster != nil {
		err = s.cluster.Close()
	}
	return errors.Join(err, os.RemoveAll(s.Dir))
}
