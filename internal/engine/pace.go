package engine

// While a commit is under way, handlers go on in the next generation, and are held
// up when that has grown to a few times its size, or when too much is staged for
// the next transaction. A commit that is slower than the handlers would stop them
// for the whole of its rest. So what they may do grows as the commit gets on, and
// they take on its pace instead:
//
//	frozen     ──▶ 1/10 of what is allowed in the end
//	encoded    ──▶ 4/10
//	acked      ──▶ 8/10
//	ending     ──▶ all of it: the end of a transaction takes its time too
//
// A commit that keeps up is never felt.

// stall is how many times a generation has to be full before the task waits: a
// commit that takes somewhat longer than usual is no pause of the handlers. Until a
// generation is full once, it never waits.
const stall = 3

// maxStaged and minStaged bound the records of a task that wait for the next
// transaction, in chunks of 256 and with what the last chunk of inputs adds. The
// first is for all tasks of an instance, but no task gets less than the second.
const (
	maxStaged = 64 << 10
	minStaged = 16 << 10
)

// stalled says whether the task has to wait for the commit that is under way.
func (t *task) stalled() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waits.Store(false)
	if t.ending == nil && !t.held {
		return false
	}
	pace := t.pace()
	waiting := t.cur.out.total - t.cur.out.pushed
	if t.load() <= 1+(stall-1)*pace && float64(waiting) <= pace*float64(t.in.stagedLimit()) {
		return false
	}
	t.waits.Store(true)
	return true
}

// pace is how much of what is allowed at the end of a commit is allowed now. The
// caller holds t.mu.
func (t *task) pace() float64 {
	g := t.ending
	if g == nil {
		return 1
	}
	rows := 0
	for _, f := range g.frozen {
		rows += f.Len()
	}
	left := g.out.unacked() + g.changelog.unacked() + rows - g.changelog.total
	if left <= 0 {
		return 1
	}
	encoded := 1.0
	if rows > 0 {
		encoded = float64(g.changelog.total) / float64(rows)
	}
	acked := 1 - float64(left)/float64(g.out.total+rows)
	return 0.1 + 0.3*encoded + 0.4*max(0, acked)
}

// getOn tells the task that the commit has got on, if it waits for that.
func (t *task) getOn() {
	if t.waits.Load() {
		t.signal()
	}
}

// stagedLimit is how many records of a task may wait for the next transaction.
func (in *instance) stagedLimit() int {
	return max(minStaged, maxStaged/max(1, int(in.holders.Load())))
}

// releaseLen is how many records are sent with the lock held when a task is
// released, a millisecond or two.
const releaseLen = 4096

// release lets the task send, and sends what it staged. Records are handled in
// between, and what they emit is sent after that.
func (t *task) release() {
	for more := true; more; {
		t.lock()
		t.held = false
		more = t.cur.out.pushSome(t.ctx, t.in.group, releaseLen)
		t.mu.Unlock()
	}
	t.signal() // it may have stopped for having staged too much
}
