package leveldb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/opt"

	"github.com/millrace/millrace/storage"
)

// Store is a storage.Store in LevelDB.
type Store struct {
	reader
	db       *leveldb.DB
	dir      string
	identity storage.Identity
	sync     bool
	info     Info
	release  func() error // closes the database and gives the lock back

	offset atomic.Int64 // noOffset: none

	writing sync.Mutex // one batch at a time
	failed  error      // the first write that failed; guarded by writing, or by closing held alone

	closing sync.RWMutex // held shared while the database is used
	closed  bool         // guarded by closing

	iters   sync.Mutex
	running map[*iter]struct{} // the iterators to end at Close; guarded by iters
}

var (
	_ storage.Store      = (*Store)(nil)
	_ storage.Clearer    = (*Store)(nil)
	_ storage.ModeSetter = (*Store)(nil)
)

// noOffset stands for a store without an offset.
const noOffset = -1

func newStore(dir string, db *leveldb.DB, o Options) *Store {
	s := &Store{db: db, dir: dir, identity: o.Identity, sync: o.Sync, running: map[*iter]struct{}{}}
	s.reader = reader{source: db, s: s}
	s.offset.Store(noOffset)
	return s
}

// Identity implements storage.Store.
func (s *Store) Identity() storage.Identity { return s.identity }

// Offset implements storage.Store.
func (s *Store) Offset() (int64, bool) {
	n := s.offset.Load()
	return max(n, 0), n != noOffset
}

// NewBatch implements storage.Store.
func (s *Store) NewBatch() storage.Batch { return &batch{b: newLevelBatch()} }

// Apply implements storage.Store. The batch is in the operating system's hands
// when it returns, and on the disk if Options.Sync is set.
func (s *Store) Apply(sb storage.Batch) error {
	b, ok := sb.(*batch)
	if !ok {
		return fmt.Errorf("store %s: %w: %T", s.dir, storage.ErrForeignBatch, sb)
	}
	if b.hasOffset && b.next < 0 {
		return fmt.Errorf("store %s: %w: %d", s.dir, storage.ErrNegativeOffset, b.next)
	}
	if err := s.enter(); err != nil {
		return err
	}
	defer s.closing.RUnlock()
	s.writing.Lock()
	defer s.writing.Unlock()
	if b.hasOffset {
		b.putNumber(offsetKey, b.next)
	}
	if err := s.write(b.b); err != nil {
		return err
	}
	if b.hasOffset {
		s.offset.Store(b.next)
	}
	return nil
}

// write writes a batch. After a failure it writes no more: LevelDB would go on
// in a new journal, with a torn batch in the one before.
func (s *Store) write(b *leveldb.Batch) error {
	if s.failed != nil {
		return s.failed
	}
	if err := s.db.Write(b, &opt.WriteOptions{Sync: s.sync}); err != nil {
		s.failed = s.fault("write", err)
	}
	return s.failed
}

// Snapshot implements storage.Store.
func (s *Store) Snapshot() (storage.Snapshot, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.closing.RUnlock()
	snap, err := s.db.GetSnapshot()
	if err != nil {
		return nil, s.fault("snapshot", err)
	}
	return &snapshot{reader{source: snap, s: s}, snap}, nil
}

// SizeOnDisk implements storage.Store.
func (s *Store) SizeOnDisk() (int64, error) {
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.closing.RUnlock()
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return 0, fmt.Errorf("store %s: %w", s.dir, err)
	}
	var size int64
	for _, e := range entries {
		if info, err := e.Info(); err == nil { // else it was compacted away
			size += info.Size()
		}
	}
	return size, nil
}

// Close implements storage.Store. Unless a write failed, it leaves the mark of
// an orderly end and has everything reach the disk.
func (s *Store) Close() error {
	s.closing.Lock()
	defer s.closing.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.endIterators()
	var err error
	if s.failed == nil {
		if err = s.db.Put(cleanKey, nil, &opt.WriteOptions{Sync: true}); err != nil {
			s.failed = s.fault("close", err)
			err = s.failed
		}
	}
	return errors.Join(err, s.release())
}

// enter keeps the store open until s.closing.RUnlock.
func (s *Store) enter() error {
	s.closing.RLock()
	if s.closed {
		s.closing.RUnlock()
		return storage.ErrClosed
	}
	return nil
}

// fault gives an error of LevelDB its type. Damage is noted in the folder: the
// store is replaced when it is opened again, since reading on would meet it
// again.
func (s *Store) fault(what string, err error) error {
	switch {
	case errors.Is(err, leveldb.ErrClosed), errors.Is(err, leveldb.ErrIterReleased), errors.Is(err, leveldb.ErrSnapshotReleased):
		return storage.ErrClosed
	case isCorrupted(err) && !surroundings(err):
		// If this fails the damage is found again.
		_ = os.WriteFile(filepath.Join(s.dir, damageMark), []byte(err.Error()), 0o640)
	}
	return sorted(s.dir, what, err)
}

// batch is a storage.Batch on LevelDB's own, which has the bytes that are
// written to the journal.
type batch struct {
	b         *leveldb.Batch
	key       []byte // scratch for the prefixed key
	n         int
	size      int
	next      int64
	hasOffset bool
}

// keepBatch is the memory that Reset keeps.
const keepBatch = 4 << 20

// newLevelBatch returns a batch that doubles when it is full. By default one of
// more than 3,000 rows grows by a part that becomes ever smaller, and copies
// itself as often.
func newLevelBatch() *leveldb.Batch {
	return leveldb.MakeBatchWithConfig(&leveldb.BatchConfig{GrowLimit: math.MaxInt32})
}

func (b *batch) prefixed(key []byte) []byte {
	b.key = append(append(b.key[:0], userSpace), key...)
	return b.key
}

// Put implements storage.Batch.
func (b *batch) Put(key, value []byte) {
	b.b.Put(b.prefixed(key), value)
	b.n++
	b.size += len(key) + len(value)
}

// Delete implements storage.Batch.
func (b *batch) Delete(key []byte) {
	b.b.Delete(b.prefixed(key))
	b.n++
	b.size += len(key)
}

// SetOffset implements storage.Batch.
func (b *batch) SetOffset(next int64) { b.next, b.hasOffset = next, true }

// Len implements storage.Batch.
func (b *batch) Len() int { return b.n }

// Size implements storage.Batch.
func (b *batch) Size() int { return b.size }

// Reset implements storage.Batch.
func (b *batch) Reset() {
	if cap(b.b.Dump()) > keepBatch {
		b.b = newLevelBatch()
	}
	b.b.Reset()
	b.n, b.size, b.next, b.hasOffset = 0, 0, 0, false
}

// putNumber sets a number in the meta space.
func (b *batch) putNumber(key []byte, n int64) {
	var v [8]byte
	binary.BigEndian.PutUint64(v[:], uint64(n))
	b.b.Put(key, v[:])
}
