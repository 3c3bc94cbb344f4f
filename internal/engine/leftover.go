package engine

import (
	"os"
	"path/filepath"
	"strconv"

	"github.com/millrace/millrace/internal/graph"
)

// leftovers are the partitions of which there is state of a processor on the
// disk, from an earlier run. How far it has come is not known before it is
// opened.
func (e *Engine) leftovers(p *graph.Processor) map[int32]int64 {
	left := map[int32]int64{}
	if e.cfg.Standbys == 0 || e.cfg.OpenStore != nil || len(p.States) == 0 {
		return left
	}
	spec := StoreSpec{Processor: p.Name, Role: "state"}
	spec.Topic = p.States[0].Ref.Name
	n, _ := e.partitions(spec.Topic)
	folders, err := os.ReadDir(filepath.Dir(filepath.Join(e.cfg.StateDir, e.graph.Name, spec.Path())))
	if err != nil {
		return left // it is the first run, or opening the stores will tell
	}
	for _, f := range folders {
		if i, err := strconv.ParseInt(f.Name(), 10, 32); err == nil && f.IsDir() && i >= 0 && i < int64(n) {
			left[int32(i)] = 0
		}
	}
	return left
}
