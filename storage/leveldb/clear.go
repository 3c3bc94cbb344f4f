package leveldb

import (
	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/util"
)

// clearBytes is about how many bytes of deletions are written at once.
const clearBytes = 1 << 20

// Clear implements storage.Clearer. LevelDB deletes key by key; a mark in the
// meta space says that this has begun, and Open finishes what a crash broke
// off.
func (s *Store) Clear(next int64) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.closing.RUnlock()
	s.writing.Lock()
	defer s.writing.Unlock()
	b := batch{b: newLevelBatch()}
	b.putNumber(clearingKey, next)
	if err := s.write(b.b); err != nil {
		return err
	}
	return s.clear(next)
}

// finishClear goes on with a Clear that was broken off.
func (s *Store) finishClear() error {
	next, ok, err := s.number(clearingKey)
	if err != nil || !ok {
		return err
	}
	return s.clear(next)
}

func (s *Store) clear(next int64) error {
	it := s.db.NewIterator(&util.Range{Start: []byte{userSpace}, Limit: []byte{userSpace + 1}}, nil)
	defer it.Release()
	var b leveldb.Batch
	for it.Next() {
		b.Delete(it.Key())
		if len(b.Dump()) >= clearBytes {
			if err := s.write(&b); err != nil {
				return err
			}
			b.Reset()
		}
	}
	if err := it.Error(); err != nil {
		return s.fault("clear", err)
	}
	last := batch{b: &b}
	last.b.Delete(clearingKey)
	last.putNumber(offsetKey, next)
	if err := s.write(last.b); err != nil {
		return err
	}
	s.offset.Store(next)
	return nil
}
