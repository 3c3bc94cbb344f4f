//go:build unix

package kafkacluster

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

//go:embed log4j2.xml
var log4j2 []byte

// A node is one broker: its folder, its ports and, while it runs, its process. The cluster's mutex guards
// proc and paused.
//
//	down --start--> running --pause--> paused
//	  ^                |  ^--resume------'  |
//	  '--stop, kill----'--------------------'
type node struct {
	id             int // the index in the cluster, and Kafka's node.id
	port           int // clients and other brokers
	controllerPort int
	listenerPorts  int    // the first of those of Config.Listeners
	dir            string // server.properties, log4j2.xml, server.log, console.log, data/, tmp/

	proc   process // nil when it was never started, or was ended on request
	paused bool
}

func (n *node) address() string { return fmt.Sprintf("%s:%d", loopback, n.port) }

func (n *node) running() bool { return n.proc != nil && n.proc.alive() }

// prepare writes the node's configuration and formats its storage for the cluster's id.
func (n *node) prepare(ctx context.Context, jars, clusterID, properties string, format ...string) error {
	for _, d := range []string{n.dir, filepath.Join(n.dir, "data"), filepath.Join(n.dir, "tmp")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return err
		}
	}
	if err := errors.Join(
		os.WriteFile(n.propertiesPath(), []byte(properties), 0o600),
		os.WriteFile(n.log4jPath(), log4j2, 0o600),
	); err != nil {
		return err
	}
	args := append(n.javaArgs(jars, "64m"), "kafka.tools.StorageTool", "format",
		"--cluster-id="+clusterID, "--config", n.propertiesPath())
	err := runJava(ctx, append(args, format...)...)
	if err != nil {
		return fmt.Errorf("kafkacluster: formatting the storage of broker %d: %w", n.id, err)
	}
	return nil
}

// start starts the node's process, which is far from ready then.
func (n *node) start(cfg Config) error {
	if n.running() {
		return fmt.Errorf("kafkacluster: broker %d is running already", n.id)
	}
	if err := errors.Join(checkPort(n.port), checkPort(n.controllerPort)); err != nil {
		return fmt.Errorf("kafkacluster: broker %d: %w", n.id, err)
	}
	java, err := findJava()
	if err != nil {
		return err
	}
	console, err := os.OpenFile(filepath.Join(n.dir, "console.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("kafkacluster: broker %d: %w", n.id, err)
	}
	defer console.Close() // the child has its own

	cmd := exec.Command(java, append(n.javaArgs(cfg.JarDir, cfg.Heap, cfg.JavaOptions...), "kafka.Kafka", n.propertiesPath())...)
	cmd.Dir = n.dir
	cmd.Stdout, cmd.Stderr = console, console
	proc, err := startChild(cmd, cfg.Detached)
	if err != nil {
		return fmt.Errorf("kafkacluster: starting broker %d: %w", n.id, err)
	}
	n.proc, n.paused = proc, false
	return nil
}

// stop ends the node cleanly: leaders move to other brokers first. After the timeout it is killed.
func (n *node) stop(timeout time.Duration) error {
	if err := n.proc.signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kafkacluster: stopping broker %d: %w", n.id, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := n.proc.wait(ctx); err != nil {
		return errors.Join(fmt.Errorf("kafkacluster: broker %d did not stop within %v and was killed", n.id, timeout), n.kill())
	}
	n.proc, n.paused = nil, false
	return nil
}

// kill ends the node at once, and returns when its ports are free again.
func (n *node) kill() error {
	if err := n.proc.signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kafkacluster: killing broker %d: %w", n.id, err)
	}
	// A process can be held up in the kernel, but not for long.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := n.proc.wait(ctx); err != nil {
		return fmt.Errorf("kafkacluster: broker %d (process %d) was killed but is still there", n.id, n.proc.pid())
	}
	n.proc, n.paused = nil, false
	return nil
}

func (n *node) propertiesPath() string { return filepath.Join(n.dir, "server.properties") }

func (n *node) log4jPath() string { return filepath.Join(n.dir, "log4j2.xml") }

func (n *node) javaArgs(jars, heap string, more ...string) []string {
	args := []string{
		"-Xms" + heap, "-Xmx" + heap,
		// The first compiler only: on two cores the cluster is ready in 8 s instead of 15.
		"-XX:TieredStopAtLevel=1",
		"-XX:+UseSerialGC", // the least threads and memory, for several brokers on few cores
		"-XX:+ExitOnOutOfMemoryError",
		"-XX:-UsePerfData", // else each leaves a file in the shared temporary folder
		"-Djava.io.tmpdir=" + filepath.Join(n.dir, "tmp"),
		"-Djava.awt.headless=true",
		nodeProperty(n.dir),
		"-Dlog4j2.configurationFile=" + n.log4jPath(),
		"-cp", filepath.Join(jars, "*"),
	}
	return append(args, more...)
}

func (n *node) setPaused(s syscall.Signal, paused bool) error {
	if err := n.proc.signal(s); err != nil {
		return fmt.Errorf("kafkacluster: %v to broker %d: %w", s, n.id, err)
	}
	n.paused = paused
	return nil
}
