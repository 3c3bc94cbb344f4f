package table

import (
	"fmt"
	"runtime"
	"slices"
)

// slice is how many entries are looked at with the lock held: some hundred
// microseconds, so that no record waits long.
const slice = 2048

// Write implements State. What it writes stays in memory meanwhile, so reads find it
// there. The store may have values of later commits than its offset says, as there are
// several batches, and what is committed meanwhile may be in them: after a crash the
// changelog is read from the offset, and gives the same again.
func (t *Table[V]) Write() error {
	next, unsaved := t.beginWrite()
	if next >= 0 || len(t.writing) > 0 {
		if err := t.apply(next); err != nil {
			return fmt.Errorf("table %s: %w", t.o.Name, err)
		}
	}
	t.readFilter()
	t.endWrite(unsaved)
	return nil
}

// readFilter reads on for the filter. Handlers look at no more of that than whether
// it is complete, and only writes change the rest; so the store, which may have
// many deleted rows to pass, is read without the lock.
func (t *Table[V]) readFilter() {
	t.o.Lock.Lock()
	n := t.filter.wanted()
	t.o.Lock.Unlock()
	if n == 0 {
		return
	}
	all, err := t.filter.read(t.o.Store, n)
	t.o.Lock.Lock()
	defer t.o.Lock.Unlock()
	t.filter.end(all, err)
}

// batchBytes is about what is written in one batch, some hundred microseconds of
// work, and much less than LevelDB's table in memory: that is copied when a batch
// is larger than what is left of it.
const batchBytes = 128 << 10

// yield lets others have the processor, while no lock is held. Who works on for 10
// ms is stopped wherever it is, mostly with a lock of LevelDB's table in memory, and
// a record that is looked for there waits until it has its turn again, behind all
// that is ready to run: tens of milliseconds on a busy machine.
func yield() { runtime.Gosched() }

// apply writes what was collected, in batches, the last of which has the offset.
func (t *Table[V]) apply(next int64) error {
	if t.batch == nil {
		t.batch = t.o.Store.NewBatch()
	}
	b := t.batch
	defer b.Reset()
	for _, i := range t.sorter.order(len(t.writing), func(i int) []byte { return t.writing[i].key }) {
		if b.Size() > batchBytes {
			if err := t.o.Store.Apply(b); err != nil {
				return err
			}
			b.Reset()
			yield()
		}
		if e := t.writing[i]; e.enc == nil {
			b.Delete(e.key)
		} else {
			b.Put(e.key, e.enc)
		}
	}
	if next >= 0 {
		b.SetOffset(next)
	}
	return t.o.Store.Apply(b)
}

// Collect implements State.
func (t *Table[V]) Collect() {
	t.o.Lock.Lock()
	landed := t.landed
	t.landed = nil
	t.o.Lock.Unlock()
	for _, rows := range landed {
		for part := range slices.Chunk(rows, slice) {
			t.o.Lock.Lock()
			for _, x := range part {
				x.e.pins--
				x.e.enc = x.enc
				t.queuedSize -= rowOverhead
				if !x.e.queued {
					x.e.queued = true
					t.keysQueued++
					t.queuedSize += int64(len(x.e.key)) + entryOverhead
				}
			}
			t.o.Lock.Unlock()
			yield()
		}
	}
}

// beginWrite looks for all that is queued. It returns the offset that belongs to it,
// and how many of the unsaved entries were looked at.
func (t *Table[V]) beginWrite() (next int64, unsaved int) {
	t.o.Lock.Lock()
	t.inWrite = true
	next = t.next
	t.next = -1
	t.o.Lock.Unlock()
	t.Collect()
	t.o.Lock.Lock()
	unsaved = len(t.unsaved)
	if t.writing = t.writing[:0]; cap(t.writing) < t.keysQueued {
		t.writing = make([]*entry[V], 0, t.keysQueued)
	}
	t.rows, t.queuedSize, t.keysQueued = 0, 0, 0
	for _, rows := range t.landed { // meanwhile
		t.rows += int64(len(rows))
		for _, x := range rows {
			t.queuedSize += int64(len(x.enc)) + rowOverhead
		}
	}
	t.o.Lock.Unlock()
	t.inSlices(unsaved, func(e *entry[V], _ int) {
		if e.queued {
			t.writing = append(t.writing, e)
			t.filterWrite(e)
		}
	})
	return next, unsaved
}

// filterWrite tells the filter of an entry that is about to be written.
func (t *Table[V]) filterWrite(e *entry[V]) {
	switch {
	case e.enc == nil && e.stored:
		t.filter.deleted()
		e.stored = false
	case e.enc != nil && !e.stored:
		t.filter.written(e.key)
		e.stored = true
	}
}

// endWrite takes the entries that the store has now out of the unsaved ones. In
// between what was taken out is nil in the list.
func (t *Table[V]) endWrite(unsaved int) {
	t.inSlices(unsaved, func(e *entry[V], i int) {
		e.queued, e.enc = false, nil
		if e.pins == 0 && e.gen <= t.encoded {
			t.unsaved[i] = nil
			t.dropUnsaved(e)
		}
	})
	t.dropScratch()
	t.o.Lock.Lock()
	defer t.o.Lock.Unlock()
	t.inWrite = false
	t.unsaved = slices.DeleteFunc(t.unsaved, func(e *entry[V]) bool { return e == nil })
	t.evict()
}

// inSlices calls a function for each of the first n unsaved entries, a few at a
// time, with the lock held.
func (t *Table[V]) inSlices(n int, do func(e *entry[V], i int)) {
	for from := 0; from < n; from += slice {
		t.o.Lock.Lock()
		for i := from; i < min(from+slice, n); i++ {
			do(t.unsaved[i], i)
		}
		t.evict()
		t.o.Lock.Unlock()
		yield()
	}
}

// kept is how many rows of memory a table keeps for its next Write.
const kept = 4096

func (t *Table[V]) dropScratch() {
	if cap(t.writing) > kept {
		t.writing, t.sorter = nil, sorter{}
		return
	}
	clear(t.writing)
}
