package measure

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/millrace/millrace/bench/internal/contender"
)

// fleet is the processes of one contender.
type fleet []*contender.Process

// start starts the contender's processes, each with a state folder of its own.
func (r *run) start() (fleet, error) {
	var f fleet
	for i := range max(r.b.Instances, 1) {
		a := contender.Args{Root: r.b.Root, Dir: r.b.Dir, Brokers: r.b.Brokers, Workload: r.w, App: r.app,
			Input: r.input, Table: Table(r.w), Output: r.output, State: filepath.Join(r.state(), fmt.Sprint(i)),
			Commit: r.b.Commit.String(), Partition: r.b.Partitions, Stderr: r.log}
		if r.b.Profiles != "" {
			a.Profile = filepath.Join(r.b.Profiles, fmt.Sprintf("%s-%d.prof", r.app, i))
		}
		err := os.MkdirAll(a.State, 0o755)
		if err == nil {
			var p *contender.Process
			if p, err = r.c.Start(a); err == nil {
				f = append(f, p)
			}
		}
		if err != nil {
			f.kill()
			return nil, err
		}
	}
	return f, nil
}

// cpu returns the processor time that all have used.
func (f fleet) cpu() (sum time.Duration, err error) {
	for _, p := range f {
		cpu, perr := p.CPU()
		sum, err = sum+cpu, errors.Join(err, perr)
	}
	return sum, err
}

// peak returns the sum of the most memory that each has had.
func (f fleet) peak() (sum int64, err error) {
	for _, p := range f {
		peak, perr := p.Peak()
		sum, err = sum+peak, errors.Join(err, perr)
	}
	return sum, err
}

// dead says that one has ended by itself.
func (f fleet) dead() bool {
	for _, p := range f {
		select {
		case <-p.Exited():
			return true
		default:
		}
	}
	return false
}

// stop ends all as a user does, one after the other.
func (f fleet) stop() {
	for _, p := range f {
		p.Stop()
	}
}

func (f fleet) kill() {
	for _, p := range f {
		p.Kill()
	}
}
