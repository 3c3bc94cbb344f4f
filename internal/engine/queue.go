package engine

import (
	"sort"
	"sync"
	"time"

	"github.com/millrace/millrace/internal/transport"
)

// recordOverhead is about what a fetched record costs beside key and value.
const recordOverhead = 128

// queue holds the fetched records of a task that were not processed yet, for
// each of its inputs, and merges the inputs by timestamp. The poller puts, the
// task takes.
type queue struct {
	mu     sync.Mutex
	inputs []inputQueue
	limit  int64         // bytes for each input, beyond which fetching pauses
	more   chan struct{} // gets a token when records came, for who waits in task.ready
	room   chan struct{} // gets a token when an input is not full any more
}

type inputQueue struct {
	topic  string
	runs   [][]*transport.Record // in offset order; the first may be partly taken
	sizes  []int64               // bytes of each run
	bytes  int64
	end    int64 // the high watermark
	first  int64 // the offset of the first record that ever came; -1: none did
	paused bool
}

func newQueue(topics []string, limit int64) *queue {
	q := &queue{limit: limit, more: make(chan struct{}, 1), room: make(chan struct{}, 1)}
	for _, t := range topics {
		q.inputs = append(q.inputs, inputQueue{topic: t, first: -1})
	}
	return q
}

// put adds fetched records, all of them before the next take. It returns the
// inputs that are over their limit by now, and not paused.
func (q *queue) put(fetches ...transport.Fetch) (full []int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, f := range fetches {
		for i := range q.inputs {
			if in := &q.inputs[i]; in.topic == f.Topic && in.put(f, q.limit) {
				full = append(full, i)
			}
		}
	}
	poke(q.more)
	return full
}

// put adds fetched records. It reports whether the input is over its limit by
// now, and not paused.
func (in *inputQueue) put(f transport.Fetch, limit int64) (full bool) {
	size := int64(0)
	for _, r := range f.Records {
		size += int64(len(r.Key)+len(r.Value)) + recordOverhead
	}
	if in.first < 0 {
		in.first = f.Records[0].Offset
	}
	in.runs = append(in.runs, f.Records)
	in.sizes = append(in.sizes, size)
	in.bytes += size
	in.end = f.End
	return in.bytes > limit && !in.paused
}

// isFull says whether an input is over its limit.
func (q *queue) isFull(input int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.inputs[input].bytes > q.limit
}

// pause notes that an input is paused, if it is over its limit. It reports
// whether it is to be paused now.
func (q *queue) pause(input int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	in := &q.inputs[input]
	if in.bytes <= q.limit || in.paused {
		return false
	}
	in.paused = true
	return true
}

// take returns the next records to process, all of one input: the one whose
// head is oldest, up to max records and as long as no other input has an older
// one. The records stay in the queue until done. The ones of an input without
// records are not waited for.
func (q *queue) take(max int) (input int, records []*transport.Record) {
	q.mu.Lock()
	defer q.mu.Unlock()
	input = -1
	var head, other *transport.Record // the oldest head and the next oldest
	for i := range q.inputs {
		in := &q.inputs[i]
		if len(in.runs) == 0 {
			continue
		}
		switch r := in.runs[0][0]; {
		case head == nil:
			input, head = i, r
		case r.Timestamp.Before(head.Timestamp):
			input, head, other = i, r, head
		case other == nil || r.Timestamp.Before(other.Timestamp):
			other = r
		}
	}
	if input < 0 {
		return -1, nil
	}
	records = q.inputs[input].runs[0]
	if len(records) > max {
		records = records[:max]
	}
	if other != nil {
		n := 1
		for n < len(records) && !other.Timestamp.Before(records[n].Timestamp) {
			n++
		}
		records = records[:n]
	}
	return input, records
}

// head returns the next record of an input alone.
func (q *queue) head(input int) []*transport.Record {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.inputs[input].runs[0][:1]
}

// done removes the first n records of an input. It reports whether fetching
// of the input has to be resumed now.
func (q *queue) done(input, n int) (resume bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	in := &q.inputs[input]
	if n < len(in.runs[0]) {
		in.runs[0] = in.runs[0][n:]
		return false
	}
	wasFull := in.bytes > q.limit
	in.bytes -= in.sizes[0]
	if wasFull && in.bytes <= q.limit {
		poke(q.room)
	}
	in.runs[0] = nil
	in.runs, in.sizes = in.runs[1:], in.sizes[1:]
	if len(in.runs) == 0 {
		in.runs, in.sizes = nil, nil // lets the backing arrays go
	}
	if in.paused && in.bytes <= q.limit/2 {
		in.paused = false
		return true
	}
	return false
}

// after returns up to max records of an input from an offset on, control records
// among them. They stay in the queue.
func (q *queue) after(input int, offset int64, max int) (out []*transport.Record) {
	q.mu.Lock()
	defer q.mu.Unlock()
	runs := q.inputs[input].runs
	first := sort.Search(len(runs), func(i int) bool { return runs[i][len(runs[i])-1].Offset >= offset })
	for _, run := range runs[first:] {
		from := sort.Search(len(run), func(i int) bool { return run[i].Offset >= offset })
		n := min(len(run)-from, max-len(out))
		if out = append(out, run[from:from+n]...); len(out) == max {
			return out
		}
	}
	return out
}

// doneBefore removes the records of an input before an offset. It reports whether
// fetching of the input has to be resumed now.
func (q *queue) doneBefore(input int, offset int64) (resume bool) {
	for {
		q.mu.Lock()
		n := 0
		if runs := q.inputs[input].runs; len(runs) > 0 {
			n = sort.Search(len(runs[0]), func(i int) bool { return runs[0][i].Offset >= offset })
		}
		q.mu.Unlock()
		if n == 0 {
			return resume
		}
		resume = q.done(input, n) || resume
	}
}

// isPaused says whether an input is over its limit, or was and is not half empty.
func (q *queue) isPaused(input int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.inputs[input].paused
}

// clear drops what waits of an input. It returns where the input began, -1 if it
// did not, and whether fetching of it has to be resumed now.
func (q *queue) clear(input int) (first int64, resume bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	in := &q.inputs[input]
	first, resume = in.first, in.paused
	if in.bytes > q.limit {
		poke(q.room)
	}
	*in = inputQueue{topic: in.topic, end: in.end, first: in.first}
	return first, resume
}

// lag returns how many records of an input are in the log beyond next, and the
// timestamp of the first that waits in the queue, zero without one. A next of 0
// is not known, and the first that waits stands for it.
func (q *queue) lag(input int, next int64) (records int64, head time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	in := &q.inputs[input]
	if len(in.runs) > 0 {
		first := in.runs[0][0]
		head = first.Timestamp
		if next == 0 {
			next = first.Offset
		}
	} else if next == 0 {
		return 0, head
	}
	return max(0, in.end-next), head
}
