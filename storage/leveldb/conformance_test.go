package leveldb

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/millrace/millrace/storage"
	"github.com/millrace/millrace/storage/storagetest"
)

// TestConformance has a write buffer so small that the suite meets stores of
// several tables.
func TestConformance(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, func(t *testing.T) storagetest.OpenFunc {
		root, n := t.TempDir(), 0
		return func() (storage.Store, error) {
			o := testOptions()
			o.WriteBuffer = 4 << 10
			s, err := Open(filepath.Join(root, fmt.Sprint(n)), o)
			if err != nil {
				return nil, err
			}
			return &crashing{s, root, &n}, nil
		}
	})
}

// crashing is a store that can end as if its process were killed.
type crashing struct {
	*Store
	root string
	n    *int
}

// Crash implements storagetest.Crasher: what is opened next is a copy of the
// folder as it was before Close.
func (c *crashing) Crash() error {
	from, to := filepath.Join(c.root, fmt.Sprint(*c.n)), filepath.Join(c.root, fmt.Sprint(*c.n+1))
	if err := copyLive(from, to); err != nil {
		return errors.Join(err, c.Close())
	}
	*c.n++
	return c.Close()
}
