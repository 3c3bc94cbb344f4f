package engine

import (
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/storage"
)

// Follower describes one partition of a table that the engine follows.
type Follower struct {
	Processor string // whose it is; "views" for a view
	Role      string // join, lookup, view or standby
	transport.TopicPartition
	Begin, Position, Target, End int64 // offsets; Target: the end when it began
	Ready                        bool  // it has reached Target
	Error                        string
}

// Followers describes what joins, lookups and views follow.
func (e *Engine) Followers() []Follower {
	var all []Follower
	for _, f := range e.allFollowers() {
		f.mu.Lock()
		d := Follower{Processor: f.proc, Role: f.role, TopicPartition: f.tp, Begin: f.begin, Position: f.position,
			Target: f.target, End: f.end, Ready: f.position >= f.target}
		if f.trouble != nil {
			d.Error = f.trouble.Error()
		}
		f.mu.Unlock()
		all = append(all, d)
	}
	return all
}

func (e *Engine) allFollowers() (fs []*follower) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, v := range e.views {
		fs = append(fs, v.followers...)
	}
	for _, s := range e.states {
		if s.in == nil {
			continue
		}
		s.in.mu.Lock()
		fs = append(fs, s.in.followers...)
		fs = append(fs, s.in.standbys.followers()...)
		for _, t := range s.in.tasks {
			fs = append(fs, t.joins...)
		}
		s.in.mu.Unlock()
	}
	return fs
}

// StoreInfo describes an open store.
type StoreInfo struct {
	Processor string
	Role      string // state, join, lookup, view or standby
	transport.TopicPartition
	Bytes int64 // on disk
}

// Stores returns the sizes of all open stores. It reads their folders.
func (e *Engine) Stores() []StoreInfo {
	type open struct {
		info  StoreInfo
		store storage.Store
	}
	var all []open
	for _, f := range e.allFollowers() {
		all = append(all, open{StoreInfo{f.proc, f.role, f.tp, 0}, f.base})
	}
	e.mu.Lock()
	for name, s := range e.states {
		if s.in == nil {
			continue
		}
		s.in.mu.Lock()
		for _, t := range s.in.tasks {
			for _, st := range t.states {
				tp := transport.TopicPartition{Topic: st.topic, Partition: t.id}
				all = append(all, open{StoreInfo{name, "state", tp, 0}, st.store})
			}
		}
		s.in.mu.Unlock()
	}
	e.mu.Unlock()
	infos := make([]StoreInfo, 0, len(all))
	for _, o := range all {
		if n, err := o.store.SizeOnDisk(); err == nil { // else it was closed meanwhile
			o.info.Bytes = n
			infos = append(infos, o.info)
		}
	}
	return infos
}
