package leveldb_test

import (
	"testing"

	"github.com/millrace/millrace/storage"
	"github.com/millrace/millrace/storage/leveldb"
	"github.com/millrace/millrace/storage/storagetest"
)

func TestConformance(t *testing.T) {
	for name, write := range map[string]int{"default": 0, "small write buffer": 4 << 10} {
		t.Run(name, func(t *testing.T) {
			storagetest.Run(t, func(t *testing.T) storagetest.OpenFunc {
				dir := t.TempDir() + "/0"
				return func() (storage.Store, error) {
					return leveldb.Open(dir, leveldb.Options{
						Identity:    storage.Identity{Topic: "table", TopicID: [16]byte{1}, Partition: 3},
						WriteBuffer: write,
						NoReplace:   true,
					})
				}
			})
		})
	}
}
