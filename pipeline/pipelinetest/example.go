package pipelinetest

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/pipeline"
)

// Example runs body with a driver outside a test, in an example function: what
// would fail a test is printed.
func Example(topology *pipeline.Topology, body func(d *Driver), opts ...Option) {
	if err := run(topology, body, mode{check: true}, opts); err != nil {
		fmt.Println(err)
	}
}

// Run runs body with a driver in a program that tries a topology on data. What
// would fail a test is returned. It does not look for values of tables that are
// changed in place, which takes more time than most handlers.
func Run(topology *pipeline.Topology, body func(d *Driver), opts ...Option) error {
	return run(topology, body, mode{}, opts)
}

// RunBounded is Run for more data than memory holds: of a table the newest entries
// are kept, of a topic that processors read only what they have not read yet, which
// Read and Expect do not find then.
func RunBounded(topology *pipeline.Topology, body func(d *Driver), opts ...Option) error {
	return run(topology, body, mode{forget: true}, opts)
}

func run(topology *pipeline.Topology, body func(d *Driver), m mode, opts []Option) error {
	t := &exampleTB{}
	done := make(chan struct{})
	go func() { // Fatal ends this goroutine, as it does in a test
		defer close(done)
		body(inMemory(t, topology, m, opts))
	}()
	<-done
	t.end()
	return errors.Join(t.errs...)
}

// exampleTB is what a driver needs of a testing.TB.
type exampleTB struct {
	testing.TB // nil: only the methods below may be called
	cleanups   []func()
	errs       []error
}

func (t *exampleTB) Helper()                      {}
func (t *exampleTB) Errorf(f string, args ...any) { t.errs = append(t.errs, fmt.Errorf(f, args...)) }
func (t *exampleTB) Error(args ...any) {
	if len(args) == 1 {
		if err, ok := args[0].(error); ok { // which the caller may ask for
			t.errs = append(t.errs, err)
			return
		}
	}
	t.Errorf("%s", strings.TrimSuffix(fmt.Sprintln(args...), "\n"))
}
func (t *exampleTB) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }
func (t *exampleTB) Fatal(args ...any) {
	t.Error(args...)
	runtime.Goexit()
}
func (t *exampleTB) Fatalf(f string, args ...any) { t.Fatal(fmt.Sprintf(f, args...)) }

func (t *exampleTB) end() {
	for _, f := range slices.Backward(t.cleanups) {
		f()
	}
}
