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

// Keep implements graph.Sender. An encoding that outgrew the buffer has an
// array of its own by now; one that fits is taken out of the arena.
func (t *task) Keep(b []byte) []byte {
	g := t.cur
	n := len(g.arena)
	if len(b) > 0 && len(b) <= cap(g.arena)-n && unsafe.SliceData(b) == unsafe.SliceData(g.arena[n:]) {
		g.arena = g.arena[:n+len(b)]
	}
	return b[:len(b):len(b)]
}
