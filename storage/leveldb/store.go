package leveldb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/syndtr/goleveldb/leveldb"
	lerrors "github.com/syndtr/goleveldb/leveldb/errors"
	"github.com/syndtr/goleveldb/leveldb/opt"

	"github.com/millrace/millrace/storage"
)

// Store is a storage.Store in LevelDB.
type Store struct {
	reader
	db       *leveldb.DB
	dir      string
	identity storage.Identity
	syncAll  bool
	clean    bool
	offset   atomic.Int64 // -1: none
	closing  sync.RWMutex // held shared while the database is used
	closed   bool
	release  func() error
}

var _ storage.Store = (*Store)(nil)

// noOffset stands for a store without an offset.
const noOffset = -1

// Clean says whether the store had been closed in order when it was opened.
func (s *Store) Clean() bool { return s.clean }

// Identity implements storage.Store.
func (s *Store) Identity() storage.Identity { return s.identity }

// Offset implements storage.Store.
func (s *Store) Offset() (int64, bool) {
	n := s.offset.Load()
	return max(n, 0), n != noOffset
}

// NewBatch implements storage.Store.
func (s *Store) NewBatch() storage.Batch { return &batch{next: noOffset} }

// Apply implements storage.Store.
func (s *Store) Apply(sb storage.Batch) error {
	b, ok := sb.(*batch)
	if !ok {
		return storage.ErrForeignBatch
	}
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.closed {
		return storage.ErrClosed
	}
	if b.next != noOffset {
		var v [8]byte
		binary.BigEndian.PutUint64(v[:], uint64(b.next))
		b.b.Put(offsetKey, v[:])
	}
	if err := s.db.Write(&b.b, &opt.WriteOptions{Sync: s.syncAll}); err != nil {
		return s.failed("write", err)
	}
	if b.next != noOffset {
		s.offset.Store(b.next)
	}
	return nil
}

// Snapshot implements storage.Store.
func (s *Store) Snapshot() (storage.Snapshot, error) {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.closed {
		return nil, storage.ErrClosed
	}
	snap, err := s.db.GetSnapshot()
	if err != nil {
		return nil, s.failed("snapshot", err)
	}
	return &snapshot{reader{snap, s}, snap}, nil
}

// SizeOnDisk implements storage.Store.
func (s *Store) SizeOnDisk() (int64, error) {
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

// Close implements storage.Store. It leaves the mark of an orderly end.
func (s *Store) Close() error {
	s.closing.Lock()
	defer s.closing.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	err := s.db.Put(cleanKey, nil, &opt.WriteOptions{Sync: true})
	return errors.Join(err, s.release())
}

// failed wraps an error of LevelDB. Damage is noted in the folder: the store is
// replaced when it is opened again, since reading on would meet it again.
func (s *Store) failed(what string, err error) error {
	switch {
	case errors.Is(err, leveldb.ErrClosed), errors.Is(err, leveldb.ErrIterReleased), errors.Is(err, leveldb.ErrSnapshotReleased):
		return storage.ErrClosed
	case lerrors.IsCorrupted(err):
		_ = os.WriteFile(filepath.Join(s.dir, corruptMark), []byte(err.Error()), 0o644)
		return &storage.CorruptError{Dir: s.dir, Err: err}
	}
	return fmt.Errorf("store %s: %s: %w", s.dir, what, err)
}

// batch is a storage.Batch on LevelDB's own.
type batch struct {
	b    leveldb.Batch
	key  []byte // scratch for the prefixed key
	n    int
	size int
	next int64
}

func (b *batch) prefixed(key []byte) []byte {
	b.key = append(append(b.key[:0], userSpace), key...)
	return b.key
}

func (b *batch) Put(key, value []byte) {
	b.b.Put(b.prefixed(key), value)
	b.n++
	b.size += len(key) + len(value)
}

func (b *batch) Delete(key []byte) {
	b.b.Delete(b.prefixed(key))
	b.n++
	b.size += len(key)
}

func (b *batch) SetOffset(next int64) { b.next = next }
func (b *batch) Len() int             { return b.n }
func (b *batch) Size() int            { return b.size }
func (b *batch) Reset() {
	b.b.Reset()
	b.n, b.size, b.next = 0, 0, noOffset
}
