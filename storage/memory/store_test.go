package memory_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/storage"
	"github.com/millrace/millrace/storage/memory"
	"github.com/millrace/millrace/storage/storagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	storagetest.Run(t, func(*testing.T) storagetest.OpenFunc {
		s := memory.New(storage.Identity{Topic: "table"})
		return func() (storage.Store, error) {
			s = s.Reopen()
			return s, nil
		}
	})
}
