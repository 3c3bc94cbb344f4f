package kafkacluster

import (
	"errors"
	"fmt"
)

var (
	// ErrNoJava means that no Java runtime was found.
	ErrNoJava = errors.New("no Java runtime: install a JDK of version 17 or newer, or set JAVA_HOME")

	// ErrNoMaven means that Kafka has yet to be fetched and there is no mvn to fetch it with.
	ErrNoMaven = errors.New("no mvn on PATH, which fetches Kafka once: install Maven, or set Config.JarDir to a folder with Kafka's jars")

	// ErrPortTaken means that another process listens on a port that a broker needs.
	ErrPortTaken = errors.New("port taken")

	// ErrNotRunning means that the broker (or, from Attach, the cluster) is not running.
	ErrNotRunning = errors.New("not running")

	// ErrClosed means that the cluster has been closed.
	ErrClosed = errors.New("cluster closed")

	// ErrNoCluster means that a folder holds no cluster.
	ErrNoCluster = errors.New("no cluster")
)

// A BrokerError is returned when a broker exited although nobody asked it to, most often at its start.
type BrokerError struct {
	Node int    // index of the broker
	Err  error  // how the process ended
	Log  string // the end of the broker's log
	Path string // the log file
}

func (e *BrokerError) Error() string {
	return fmt.Sprintf("kafka broker %d died: %v; the end of %s:\n%s", e.Node, e.Err, e.Path, e.Log)
}

func (e *BrokerError) Unwrap() error { return e.Err }
