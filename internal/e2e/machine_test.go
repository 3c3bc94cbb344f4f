//go:build !kafka

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/storage"
	"github.com/millrace/millrace/storage/memory"
)

// machine is where a service runs: a state folder, stores that outlive the
// service, and a line to the brokers that can be cut.
type machine struct {
	name    string
	dir     string
	disk    *disk
	line    *line
	service *service // nil: none runs
}

func newMachine(name, dir string) *machine {
	return &machine{name: name, dir: dir, disk: &disk{stores: map[string]*memory.Store{}, open: map[string]bool{}},
		line: &line{conns: map[net.Conn]bool{}}}
}

// crash is what the brokers and the stores see of a kill -9: in the middle of
// anything, the connections are gone and nothing comes any more.
func (m *machine) crash() {
	if m.service == nil {
		return
	}
	m.line.cut()
	_ = m.service.stop() // it cannot commit
	m.service = nil
}

// line makes connections until it is cut.
type line struct {
	mu    sync.Mutex
	isCut bool
	conns map[net.Conn]bool
}

type lineConn struct {
	net.Conn
	l *line
}

func (c lineConn) Close() error {
	c.l.mu.Lock()
	delete(c.l.conns, c.Conn)
	c.l.mu.Unlock()
	return c.Conn.Close()
}

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isCut {
		return nil, errors.Join(errors.New("the line is cut"), conn.Close())
	}
	l.conns[conn] = true
	return lineConn{conn, l}, nil
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isCut = true
	for c := range l.conns {
		_ = c.Close()
	}
	clear(l.conns)
}

func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isCut = false
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
