package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/millrace/millrace/internal/graph"
)

// View is a whole table that the engine keeps for readers outside the
// processors.
type View struct {
	Ref       graph.Ref
	lookup    graph.Lookup
	Table     graph.LookupTable // set once the engine runs
	followers []*follower
}

// AddView asks for a view of a table. It is called before Run.
func (e *Engine) AddView(l graph.Lookup) {
	e.views[l.Ref.Name] = &View{Ref: l.Ref, lookup: l}
}

// openViews starts to follow the tables of all views.
func (e *Engine) openViews(ctx context.Context) error {
	for name, v := range e.views {
		lt, fs, err := e.followAll(ctx, v.lookup, "views", "view")
		e.mu.Lock()
		v.Table, v.followers = lt, fs
		e.mu.Unlock()
		if err != nil {
			return errors.Join(fmt.Errorf("view %s: %w", name, err), e.closeViews())
		}
	}
	e.notify()
	return nil
}

func (e *Engine) closeViews() error {
	e.mu.Lock()
	var fs []*follower
	for _, v := range e.views {
		fs = append(fs, v.followers...)
		v.followers, v.Table = nil, graph.LookupTable{}
	}
	e.mu.Unlock()
	var errs []error
	for _, f := range fs {
		errs = append(errs, f.close())
	}
	return errors.Join(errs...)
}

// ViewTable returns the table of a view; ok is false while the engine does not
// run or for a table without a view.
func (e *Engine) ViewTable(name string) (t graph.LookupTable, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v := e.views[name]
	if v == nil || v.followers == nil {
		return t, false
	}
	return v.Table, true
}

// viewsReady says whether all views have read what was in their topics when
// they began.
func (e *Engine) viewsReady() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, v := range e.views {
		if v.followers == nil {
			return false
		}
		for _, f := range v.followers {
			f.mu.Lock()
			ok := f.position >= f.target
			f.mu.Unlock()
			if !ok {
				return false
			}
		}
	}
	return true
}
