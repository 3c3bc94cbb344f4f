//go:build !kafka

package e2e

import (
	"fmt"
	"sync"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/transport/transporttest"
	"github.com/millrace/millrace/storage"
	"github.com/millrace/millrace/storage/memory"
)

// machine is where a service runs: a state folder, stores that outlive the
// service, and a line to the brokers that can be cut.
type machine struct {
	name    string
	dir     string
	disk    *disk
	line    transporttest.Line
	service *service // nil: none runs
}

func newMachine(name, dir string) *machine {
	return &machine{name: name, dir: dir, disk: &disk{stores: map[string]*memory.Store{}, open: map[string]bool{}}}
}

// crash is what the brokers and the stores see of a kill -9: in the middle of
// anything, the connections are gone and nothing comes any more.
func (m *machine) crash() {
	if m.service == nil {
		return
	}
	m.line.Cut()
	_ = m.service.stop() // it cannot commit
	m.service = nil
}

// disk has a machine's stores. Each lets one in, as LevelDB does.
type disk struct {
	mu     sync.Mutex
	stores map[string]*memory.Store
	open   map[string]bool
}

type diskStore struct {
	storage.Store
	release func()
}

func (s diskStore) Close() error {
	s.release()
	return s.Store.Close()
}

func (d *disk) openStore(s engine.StoreSpec) (storage.Store, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	path := s.Path()
	if d.open[path] {
		return nil, fmt.Errorf("store %s is open already", path)
	}
	old := d.stores[path]
	if old == nil {
		old = memory.New(storage.Identity{Topic: s.Topic, Partition: s.Partition})
	}
	d.open[path], d.stores[path] = true, old.Reopen()
	return diskStore{d.stores[path], func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.open, path)
	}}, nil
}

func (d *disk) wipe() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.stores)
}
