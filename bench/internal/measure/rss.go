package measure

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/millrace/millrace/bench/internal/contender"
	"github.com/millrace/millrace/bench/internal/workload"
)

// Topics of the RSS topology, by its own names.
const (
	rssInput   = "articles.raw"
	rssReaders = "readers"
	rssFailed  = "articles.failed"
)

// ErrNoPolls means that the workload rss has nothing to read.
var ErrNoPolls = errors.New("MILLRACE_TESTDATA is not set: set it to the folder of the shared test data, whose polls are the input")

// prepareRSS builds the RSS topology's program, has it write the input, and
// returns how many items that is. apps/rss-articles/internal/polls says what the
// rounds are.
func (b *Bench) prepareRSS(ctx context.Context, rounds int) (n int, err error) {
	data := os.Getenv("MILLRACE_TESTDATA")
	if data == "" {
		return 0, ErrNoPolls
	}
	program := filepath.Join(b.Dir, contender.RSSProgram)
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./apps/rss-articles/internal/polls")
	build.Dir = b.Root
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the RSS topology: %w\n%s", err, out)
	}
	generate := exec.CommandContext(ctx, program, "generate", fmt.Sprintf("-rounds=%d", rounds), filepath.Join(data, "polls"))
	generate.Stderr = os.Stderr
	out, err := generate.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := generate.Start(); err != nil {
		return 0, err
	}
	records, err := readRSS(out)
	if err := errors.Join(err, generate.Wait()); err != nil {
		return 0, fmt.Errorf("generate items from the polls: %w", err)
	}
	for topic, compacted := range map[string]bool{rssInput: false, rssReaders: true} {
		if _, err := b.Topics.Make(ctx, topic, compacted); err != nil {
			return 0, err
		}
		if err := b.Topics.Fill(ctx, topic, all(records[topic])); err != nil {
			return 0, err
		}
	}
	return len(records[rssInput]), nil
}

// readRSS reads records, by their topic.
func readRSS(r io.Reader) (map[string][]workload.Record, error) {
	records := map[string][]workload.Record{}
	for lines := json.NewDecoder(bufio.NewReader(r)); ; {
		var line struct {
			Topic, Key string
			Value      json.RawMessage
			At         time.Time
		}
		if err := lines.Decode(&line); errors.Is(err, io.EOF) {
			return records, nil
		} else if err != nil {
			return nil, err
		}
		records[line.Topic] = append(records[line.Topic], workload.Record{Key: []byte(line.Key), Value: line.Value, At: line.At})
	}
}

func all(records []workload.Record) func(func(workload.Record) bool) {
	return func(yield func(workload.Record) bool) {
		for _, r := range records {
			if !yield(r) {
				return
			}
		}
	}
}

// failedRSS says that items could not be handled.
func (r *run) failedRSS(ctx context.Context) error {
	n, err := r.b.Topics.End(ctx, rssFailed)
	if err == nil && n > 0 {
		err = fmt.Errorf("%d records are in the topic %s", n, rssFailed)
	}
	return err
}
