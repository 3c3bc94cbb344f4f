package leveldb

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/syndtr/goleveldb/leveldb"

	"github.com/millrace/millrace/storage"
)

// Every key has one byte in front that names its space, so that no user's key
// can meet one of ours.
const (
	metaSpace = 'm'
	userSpace = 'u'
)

// The keys of the meta space. docs/storage-format.md describes their values.
var (
	identityKey = []byte{metaSpace, 'i'}
	offsetKey   = []byte{metaSpace, 'o'}
	cleanKey    = []byte{metaSpace, 'c'}
	clearingKey = []byte{metaSpace, 'x'}
)

// formatVersion is the version of all of this. A change that an older program
// would misread increases it.
const formatVersion = 1

// meta is the description of a store, the value at identityKey:
//
//	offset  0       4      5                  21          25
//	        +-------+------+------------------+-----------+--------------------+
//	        | format| mode | topic id         | partition | name of the topic  |
//	        +-------+------+------------------+-----------+--------------------+
//	bytes   4       1      16                 4           1 to 249
//
// Numbers are big-endian.
type meta struct {
	format   uint32
	mode     storage.Mode
	identity storage.Identity
}

const metaHeader = 25

var errMeta = errors.New("malformed description")

// maxTopic is the longest name of a topic that Kafka allows.
const maxTopic = 249

func (m meta) encode() []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, metaHeader+len(m.identity.Topic)), m.format)
	b = append(b, byte(m.mode))
	b = append(b, m.identity.TopicID[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(m.identity.Partition))
	return append(b, m.identity.Topic...)
}

// decodeMeta reads a description. Of a newer format it reads the version only.
func decodeMeta(b []byte) (m meta, err error) {
	if len(b) < 4 {
		return meta{}, fmt.Errorf("%w: %d bytes", errMeta, len(b))
	}
	m.format = binary.BigEndian.Uint32(b)
	if m.format > formatVersion {
		return m, nil
	}
	switch {
	case m.format == 0:
		return meta{}, fmt.Errorf("%w: format 0", errMeta)
	case len(b) <= metaHeader || len(b) > metaHeader+maxTopic:
		return meta{}, fmt.Errorf("%w: %d bytes", errMeta, len(b))
	case b[4] > byte(storage.Follower):
		return meta{}, fmt.Errorf("%w: mode %d", errMeta, b[4])
	}
	m.mode = storage.Mode(b[4])
	copy(m.identity.TopicID[:], b[5:21])
	m.identity.Partition = int32(binary.BigEndian.Uint32(b[21:25]))
	if m.identity.Partition < 0 {
		return meta{}, fmt.Errorf("%w: partition %d", errMeta, m.identity.Partition)
	}
	m.identity.Topic = string(b[metaHeader:])
	return m, nil
}

// check compares what a store is with what it should be, and describes a new
// store. found is false for a new one.
func (s *Store) check(o Options) (found bool, err error) {
	want := meta{formatVersion, o.Mode, o.Identity}
	b, err := s.db.Get(identityKey, nil)
	if errors.Is(err, leveldb.ErrNotFound) {
		return false, s.describe(want)
	}
	if err != nil {
		return false, err
	}
	have, err := decodeMeta(b)
	switch {
	case err != nil:
		return false, &storage.CorruptError{Dir: s.dir, Err: err}
	case have.format > formatVersion:
		return false, &storage.FormatError{Dir: s.dir, Have: have.format, Known: formatVersion}
	case !have.identity.Matches(want.identity):
		return false, &storage.IdentityError{Dir: s.dir, Have: have.identity, Want: want.identity}
	case have.mode != want.mode && !o.Convert:
		return false, &storage.ModeError{Dir: s.dir, Have: have.mode, Want: want.mode}
	}
	if want.identity.TopicID == [16]byte{} { // this cluster does not tell it: keep the one we have
		want.identity, s.identity = have.identity, have.identity
	}
	if have == want {
		return true, nil
	}
	return true, s.db.Put(identityKey, want.encode(), nil)
}

// SetMode implements storage.ModeSetter. The description is one value, so a
// crash leaves the old one or the new one.
func (s *Store) SetMode(m storage.Mode) error {
	if m != storage.Owner && m != storage.Follower {
		return fmt.Errorf("store %s: unknown mode %s", s.dir, m)
	}
	if err := s.enter(); err != nil {
		return err
	}
	defer s.closing.RUnlock()
	s.writing.Lock()
	defer s.writing.Unlock()
	var b leveldb.Batch
	b.Put(identityKey, meta{formatVersion, m, s.identity}.encode())
	return s.write(&b)
}

// describe writes the description of a new store.
func (s *Store) describe(m meta) error {
	it := s.db.NewIterator(nil, nil)
	defer it.Release()
	if it.Next() {
		return &storage.CorruptError{Dir: s.dir, Err: errors.New("it has data but no description")}
	}
	if err := it.Error(); err != nil {
		return err
	}
	return s.db.Put(identityKey, m.encode(), nil)
}

// loadOffset reads the offset.
func (s *Store) loadOffset() error {
	next, ok, err := s.number(offsetKey)
	if ok {
		s.offset.Store(next)
	}
	return err
}

// number reads the number at a key of the meta space.
func (s *Store) number(key []byte) (n int64, ok bool, err error) {
	b, err := s.db.Get(key, nil)
	switch {
	case errors.Is(err, leveldb.ErrNotFound):
		return 0, false, nil
	case err != nil:
		return 0, false, err
	case len(b) != 8 || int64(binary.BigEndian.Uint64(b)) < 0:
		return 0, false, &storage.CorruptError{Dir: s.dir, Err: fmt.Errorf("malformed number %x at %q", b, key)}
	}
	return int64(binary.BigEndian.Uint64(b)), true, nil
}
