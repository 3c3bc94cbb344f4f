package table

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/storage"
)

// batches notes the batches that are applied, and refuses one of them.
type batches struct {
	storage.Store
	sizes  []int
	refuse int // the number of the one, from 1
}

var errRefused = errors.New("refused")

func (b *batches) Apply(batch storage.Batch) error {
	b.sizes = append(b.sizes, batch.Size())
	if len(b.sizes) == b.refuse {
		return errRefused
	}
	return b.Store.Apply(batch)
}

// Much is written in several batches, and the offset comes with the last: what a
// failure leaves behind is read from the changelog again.
func TestMuchIsWrittenInBatches(t *testing.T) {
	for _, refuse := range []int{0, 1, 2, 3} {
		store := &batches{Store: newStore(t), refuse: refuse}
		table := newText(t, Options{Store: store})
		table.Begin(time.Unix(1, 0))
		for i := range 100 {
			if err := table.Set(fmt.Appendf(nil, "key-%03d", 99-i), strings.Repeat("v", 3_500)); err != nil {
				t.Fatal(err)
			}
		}
		f := table.Freeze()
		if more, err := table.Encode(f, 100, ignore); more || err != nil {
			t.Fatal(more, err)
		}
		table.Committed(f, 7)
		err := table.Write()
		next, known := store.Offset()
		if refuse > 0 {
			if !errors.Is(err, errRefused) || known {
				t.Errorf("batch %d is refused: %v; the store's offset is known: %t", refuse, err, known)
			}
			continue
		}
		if err != nil || len(store.sizes) != 3 || next != 7 {
			t.Errorf("batches of %d bytes, offset %d, %v; want three, and 7", store.sizes, next, err)
		}
		if m, err := contents(store); len(m) != 100 || err != nil {
			t.Errorf("%d rows, %v", len(m), err)
		}
	}
}
