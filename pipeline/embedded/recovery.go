package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// recoverFolder puts a data folder in order before kfake opens it. It can be
// killed at any point and begun again.
//
// After a kill, as Kafka does, and kfake does not:
//
//   - Transactions without an end are aborted in the log. kfake hides their
//     records in memory only: with the same producer's next commit, after the
//     next kill, they would become visible.
//   - Their producers are fenced.
//   - Producers' sequence numbers are rebuilt from the log.
//   - Torn writes are cut off, and the indexes made to match the log.
func recoverFolder(ctx context.Context, data string, clean bool, log *slog.Logger) error {
	err := recoverData(ctx, data, clean, log)
	var corrupt *CorruptError
	if err == nil || errors.As(err, &corrupt) {
		return err
	}
	return fmt.Errorf("embedded broker: recover data folder: %w", err)
}

func recoverData(ctx context.Context, data string, clean bool, log *slog.Logger) error {
	begin := time.Now()
	found, err := checkData(data)
	if err != nil || !found {
		return err
	}
	ps, err := listPartitions(data)
	if err != nil {
		return err
	}
	for _, p := range ps {
		if err := p.keepOffset(begin.UnixMilli()); err != nil {
			return err
		}
	}
	if clean {
		return nil
	}

	// The state of members and transactions at an orderly stop is of no use
	// any more. kfake removes the file at a start, if that gets so far.
	if err := os.Remove(filepath.Join(data, "session_state.json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := readLog(filepath.Join(data, "groups.log")); err != nil {
		return err
	}
	producers, err := readProducers(data)
	if err != nil {
		return err
	}
	var cut int64
	for _, p := range ps {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := p.scan(); err != nil {
			return err
		}
		cut += p.cut
	}
	// Fence before aborting: if a kill comes in between, what is open is still
	// seen to be open.
	fenced, err := fence(data, producers, ps)
	if err != nil {
		return err
	}
	aborted, committed, err := endTransactions(ps, producers, begin.UnixMilli(), log)
	if err != nil {
		return err
	}
	if err := writeSequences(data, ps); err != nil {
		return err
	}
	log.Info("embedded Kafka broker recovered its data folder after a kill", "partitions", len(ps),
		"aborted", aborted, "committed", committed, "fenced", fenced, "tornBytes", cut, "took", time.Since(begin))
	return nil
}

// checkData tells whether there is data. Partitions without kfake's main file,
// which is the first that it writes, would be taken for an empty folder.
func checkData(data string) (bool, error) {
	meta := filepath.Join(data, "meta.json")
	_, err := os.Stat(meta)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err == nil, err
	}
	if _, perr := os.Stat(filepath.Join(data, "partitions")); perr == nil {
		return false, &CorruptError{File: meta, Err: err}
	}
	return false, nil
}

// endTransactions writes the ends of the transactions that have none. They are
// aborts, unless the kill came in the midst of a commit, with the end written
// to some partitions: then it is finished. (The group offsets of that
// transaction are lost, for kfake keeps them in memory until then.)
func endTransactions(ps []*partition, producers map[int64]*producer, now int64, log *slog.Logger) (aborted, committed int, err error) {
	commits := map[producerEpoch]bool{}
	for _, p := range ps {
		for pe, commit := range p.ended {
			// Of a client older than KIP-890, the end may be that of an
			// earlier transaction with the same epoch.
			if info := producers[pe.id]; commit && info != nil && pe.epoch > info.settled {
				commits[pe] = true
			}
		}
	}
	for _, p := range ps {
		for id, epoch := range p.open {
			commit := commits[producerEpoch{id, epoch}]
			if err := p.end(id, commit, now); err != nil {
				return aborted, committed, err
			}
			if commit {
				committed++
			} else {
				aborted++
			}
			log.Debug("embedded Kafka broker ended a transaction that a kill left open",
				"topic", p.topic, "partition", p.number, "producer", id, "commit", commit)
		}
	}
	return aborted, committed, nil
}
