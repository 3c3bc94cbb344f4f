package engine

import (
	"unsafe"

	"github.com/millrace/millrace/internal/transport"
)

// arenaSize is how much room for encodings is allocated at once.
const arenaSize = 16 << 10

// Next implements graph.Sender.
func (t *task) Next() *transport.Record { return t.cur.out.next() }

// Buffer implements graph.Sender.
func (t *task) Buffer() []byte {
	g := t.cur
	if cap(g.arena)-len(g.arena) < 128 {
		g.arena = make([]byte, 0, arenaSize)
	}
	return g.arena[len(g.arena):]
}

// Keep implements graph.Sender. An encoding that fits is taken out of the
// arena. One that outgrew what was left has an array of its own by now; the
// rest of the arena is given up then, or every encoding of that size would
// outgrow it from now on.
func (t *task) Keep(b []byte) []byte {
	g := t.cur
	n := len(g.arena)
	switch {
	case len(b) == 0:
	case len(b) <= cap(g.arena)-n && unsafe.SliceData(b) == unsafe.SliceData(g.arena[n:]):
		g.arena = g.arena[:n+len(b)]
	case len(b) > cap(g.arena)-n && len(b) <= arenaSize/4:
		g.arena = nil
	}
	return b[:len(b):len(b)]
}
