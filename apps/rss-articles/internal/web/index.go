package web

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/btree"
)

// index holds the newest articles by the time at which they were first seen,
// up to a number of them. It is safe for concurrent use.
type index struct {
	max int

	mu    sync.RWMutex
	order *btree.BTreeG[indexed]
	byID  map[string]Item
}

// cursor is the place of an article in the index: first those that were seen
// last; of those that came in one document, the one published last.
type cursor struct {
	seen, published int64 // nanoseconds since 1970
	id              string
}

type indexed struct {
	cursor
	item Item
}

func newIndex(limit int) *index {
	return &index{max: limit, byID: map[string]Item{}, order: btree.NewG(32, func(a, b indexed) bool { return a.compare(b.cursor) < 0 })}
}

// compare is below 0 if c comes first.
func (c cursor) compare(d cursor) int {
	return cmp.Or(cmp.Compare(d.seen, c.seen), cmp.Compare(d.published, c.published), cmp.Compare(c.id, d.id))
}

func (c cursor) String() string { return fmt.Sprintf("%d~%d~%s", c.seen, c.published, c.id) }

func parseCursor(s string) (c cursor, err error) {
	parts := strings.SplitN(s, "~", 3)
	if len(parts) == 3 && len(s) < 1000 {
		var err1, err2 error
		c.seen, err1 = strconv.ParseInt(parts[0], 10, 64)
		c.published, err2 = strconv.ParseInt(parts[1], 10, 64)
		c.id = parts[2]
		if err1 == nil && err2 == nil {
			return c, nil
		}
	}
	return c, errors.New("before is not the next of an earlier answer")
}

func placeOf(i Item) cursor { return cursor{nanos(i.FirstSeen), nanos(i.Published), i.ID} }

// nanos bounds times that feeds make up to what an int64 holds, the years 1678
// to 2262.
func nanos(t time.Time) int64 {
	switch y := t.Year(); {
	case y < 1700:
		return time.Date(1700, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	case y > 2200:
		return time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	}
	return t.UnixNano()
}

// put adds or replaces an article and says whether the list is another now. The
// oldest goes when there are too many; which one is returned.
func (x *index) put(i Item) (changed bool, evicted string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if old, ok := x.byID[i.ID]; ok {
		if reflect.DeepEqual(old, i) {
			return false, ""
		}
		x.order.Delete(indexed{cursor: placeOf(old)})
	}
	x.byID[i.ID] = i
	x.order.ReplaceOrInsert(indexed{placeOf(i), i})
	if x.order.Len() > x.max {
		last, _ := x.order.DeleteMax()
		delete(x.byID, last.item.ID)
		return last.item.ID != i.ID, last.item.ID
	}
	return true, ""
}

// get returns an article of the list.
func (x *index) get(id string) (Item, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	i, ok := x.byID[id]
	return i, ok
}

// remove takes an article out and says whether it was there.
func (x *index) remove(id string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	old, ok := x.byID[id]
	if ok {
		delete(x.byID, id)
		x.order.Delete(indexed{cursor: placeOf(old)})
	}
	return ok
}

// page returns up to limit articles after a place, or from the newest, and
// where the next page begins, if there is one.
func (x *index) page(before *cursor, limit int) (items []Item, next string) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	items = []Item{}
	take := func(e indexed) bool {
		if before != nil && e.cursor == *before {
			return true
		}
		if len(items) == limit {
			next = placeOf(items[limit-1]).String()
			return false
		}
		items = append(items, e.item)
		return true
	}
	if before == nil {
		x.order.Ascend(take)
	} else {
		x.order.AscendGreaterOrEqual(indexed{cursor: *before}, take)
	}
	return items, next
}

func (x *index) len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.order.Len()
}

// ids returns the articles in the list.
func (x *index) ids() []string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return slices.Collect(maps.Keys(x.byID))
}
