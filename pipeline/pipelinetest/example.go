package pipelinetest

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"

	"github.com/millrace/millrace/pipeline"
)

// Example runs body with a driver outside a test, in an example function or a
// program: what would fail a test is printed.
func Example(topology *pipeline.Topology, body func(d *Driver), opts ...Option) {
	t := &exampleTB{}
	defer t.end()
	done := make(chan struct{})
	go func() { // Fatal ends this goroutine, as it does in a test
		defer close(done)
		body(New(t, topology, opts...))
	}()
	<-done
}

// exampleTB is what a driver needs of a testing.TB.
type exampleTB struct {
	testing.TB // nil: only the methods below may be called
	cleanups   []func()
}

func (t *exampleTB) Helper()                      {}
func (t *exampleTB) Errorf(f string, args ...any) { fmt.Printf(f+"\n", args...) }
func (t *exampleTB) Error(args ...any)            { fmt.Println(args...) }
func (t *exampleTB) Context() context.Context     { return context.Background() }
func (t *exampleTB) Cleanup(f func())             { t.cleanups = append(t.cleanups, f) }
func (t *exampleTB) Fatal(args ...any) {
	fmt.Println(args...)
	runtime.Goexit()
}
func (t *exampleTB) Fatalf(f string, args ...any) { t.Fatal(fmt.Sprintf(f, args...)) }
func (t *exampleTB) TempDir() string {
	dir, err := os.MkdirTemp("", "millrace-example-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (t *exampleTB) end() {
	for _, f := range slices.Backward(t.cleanups) {
		f()
	}
}
