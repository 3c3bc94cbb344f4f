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
)

// formatVersion is the version of all of this. A change that an older program
// would misread increases it.
const formatVersion = 1

// meta is the description of a store, the value at identityKey.
type meta struct {
	format   uint32
	mode     storage.Mode
	identity storage.Identity
}

var errMeta = errors.New("malformed description")

// maxTopic is the longest name of a topic that Kafka allows.
const maxTopic = 249

func (m meta) encode() []byte {
	b := binary.BigEndian.AppendUint32(nil, m.format)
	b = append(b, byte(m.mode))
	b = append(b, m.identity.TopicID[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(m.identity.Partition))
	return append(b, m.identity.Topic...)
}

// decodeMeta reads a description. Of a newer format it reads the version only.
func decodeMeta(b []byte) (m meta, err error) {
	if len(b) < 4 {
		return m, fmt.Errorf("%w: %d bytes", errMeta, len(b))
	}
	m.format, b = binary.BigEndian.Uint32(b), b[4:]
	if m.format > formatVersion {
		return m, nil
	}
	if len(b) < 21 || len(b) > 21+maxTopic || m.format == 0 || b[0] > byte(storage.Follower) {
		return m, errMeta
	}
	m.mode = storage.Mode(b[0])
	copy(m.identity.TopicID[:], b[1:17])
	m.identity.Partition = int32(binary.BigEndian.Uint32(b[17:21]))
	m.identity.Topic = string(b[21:])
	return m, nil
}

// check compares what a store is with what it should be, and describes a new
// store.
func (s *Store) check(o Options) error {
	want := meta{formatVersion, o.Mode, o.Identity}
	b, err := s.db.Get(identityKey, nil)
	if errors.Is(err, leveldb.ErrNotFound) {
		it := s.db.NewIterator(nil, nil)
		defer it.Release()
		if it.Next() {
			return &storage.CorruptError{Dir: s.dir, Err: errors.New("it has data but no description")}
		}
		return s.db.Put(identityKey, want.encode(), nil)
	}
	if err != nil {
		return err
	}
	have, err := decodeMeta(b)
	switch {
	case err != nil:
		return &storage.CorruptError{Dir: s.dir, Err: err}
	case have.format > formatVersion:
		return &storage.FormatError{Dir: s.dir, Have: have.format, Known: formatVersion}
	case have.identity != want.identity:
		return &storage.IdentityError{Dir: s.dir, Have: have.identity, Want: want.identity}
	case have.mode != want.mode:
		return &storage.CorruptError{Dir: s.dir, Err: fmt.Errorf("it was written as %s, not as %s", have.mode, want.mode)}
	}
	return nil
}

// loadOffset reads the offset and whether the store was closed in order.
func (s *Store) loadOffset() error {
	b, err := s.db.Get(offsetKey, nil)
	switch {
	case errors.Is(err, leveldb.ErrNotFound):
	case err != nil:
		return err
	case len(b) != 8:
		return &storage.CorruptError{Dir: s.dir, Err: fmt.Errorf("offset has %d bytes", len(b))}
	default:
		s.offset.Store(int64(binary.BigEndian.Uint64(b)))
	}
	if s.clean, err = s.db.Has(cleanKey, nil); err != nil {
		return err
	}
	if s.clean {
		return s.db.Delete(cleanKey, nil)
	}
	return nil
}
