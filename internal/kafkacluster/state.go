//go:build unix

package kafkacluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// The state file of a detached cluster, in its folder. It is written whole to a temporary file and renamed.
const stateFile = "cluster.json"

type state struct {
	Kafka        string        `json:"kafka"`
	Jars         string        `json:"jars"`
	Heap         string        `json:"heap"`
	JavaOptions  []string      `json:"java_options,omitempty"`
	StartTimeout time.Duration `json:"start_timeout_ns"`
	StopTimeout  time.Duration `json:"stop_timeout_ns"`
	Nodes        []nodeState   `json:"nodes"`
}

type nodeState struct {
	Port           int  `json:"port"`
	ControllerPort int  `json:"controller_port"`
	PID            int  `json:"pid"` // 0 when it was ended on request
	Paused         bool `json:"paused,omitempty"`
}

// save writes the state file of a detached cluster. The caller holds the mutex.
func (c *Cluster) save() error {
	if !c.cfg.Detached {
		return nil
	}
	s := state{Kafka: Version, Jars: c.cfg.JarDir, Heap: c.cfg.Heap, JavaOptions: c.cfg.JavaOptions,
		StartTimeout: c.cfg.StartTimeout, StopTimeout: c.cfg.StopTimeout}
	for _, n := range c.nodes {
		ns := nodeState{Port: n.port, ControllerPort: n.controllerPort, Paused: n.paused}
		if n.proc != nil {
			ns.PID = n.proc.pid()
		}
		s.Nodes = append(s.Nodes, ns)
	}
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(c.cfg.Dir, stateFile)
	if err := os.WriteFile(path+".tmp", append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("kafkacluster: state file: %w", err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return fmt.Errorf("kafkacluster: state file: %w", err)
	}
	return nil
}

// Attach returns the cluster that an earlier process started in dir with Config.Detached, whether its
// brokers still run or not. The error is ErrNoCluster if there is none. Close ends the brokers; to leave
// them alone, just forget the cluster. Two processes must not change one cluster at once.
func Attach(dir string, logger *slog.Logger) (*Cluster, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("kafkacluster: %w", err)
	}
	b, err := os.ReadFile(filepath.Join(dir, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("kafkacluster: %w in %s", ErrNoCluster, dir)
	}
	var s state
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err != nil {
		return nil, fmt.Errorf("kafkacluster: state file: %w", err)
	}
	c := &Cluster{cfg: Config{Brokers: len(s.Nodes), Dir: dir, JarDir: s.Jars, Heap: s.Heap, JavaOptions: s.JavaOptions, Detached: true,
		StartTimeout: s.StartTimeout, StopTimeout: s.StopTimeout, Logger: logger}.withDefaults()}
	for i, ns := range s.Nodes {
		n := &node{id: i, port: ns.Port, controllerPort: ns.ControllerPort, dir: nodeDir(dir, i), paused: ns.Paused}
		if o := (orphan{ns.PID, n.dir}); o.alive() {
			n.proc = o
		}
		c.nodes = append(c.nodes, n)
	}
	return c, nil
}
