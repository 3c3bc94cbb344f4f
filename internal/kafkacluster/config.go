package kafkacluster

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Config configures a cluster. The zero value is a cluster of three brokers on free ports in a temporary
// folder.
type Config struct {
	// Brokers is how many brokers to run, 1 to 9; default 3. Each is a controller as well.
	Brokers int

	// Dir holds the cluster's data and logs. It must be empty or not exist. The default is a new temporary
	// folder, which Close removes; a folder given here is kept.
	Dir string

	// JarDir holds Kafka's jars; the default is the folder that EnsureJars returns.
	JarDir string

	// BasePort is the first of 2*Brokers consecutive ports: broker i serves clients on BasePort+i, and
	// controllers on BasePort+Brokers+i; each of Listeners takes Brokers more. The default 0 takes free
	// ports.
	BasePort int

	// Listeners are further ways to connect, with TLS and authentication; default: none.
	Listeners []Listener
	TLS       TLS
	Users     map[string]string // the passwords of those who may authenticate, by name

	// Heap is the maximum heap of one broker, as -Xmx has it; default "400m".
	Heap string

	// JavaOptions are added to the brokers' command lines, after the package's own, which are for a quick
	// start. For measuring throughput, -XX:TieredStopAtLevel=4 turns the optimising compiler on again.
	JavaOptions []string

	// Detached lets the brokers outlive this process; Attach finds them again. Close ends them all the same.
	Detached bool

	// StartTimeout limits how long the brokers may take until they are ready; default 2 minutes.
	StartTimeout time.Duration

	// StopTimeout limits a clean stop, after which the broker is killed; default 30 seconds.
	StopTimeout time.Duration

	// ExtraProperties are added to every broker's server.properties, over the defaults.
	ExtraProperties map[string]string

	// Logger receives the cluster's events; default: none.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Brokers == 0 {
		c.Brokers = 3
	}
	if c.Heap == "" {
		c.Heap = "400m"
	}
	if c.StartTimeout == 0 {
		c.StartTimeout = 2 * time.Minute
	}
	if c.StopTimeout == 0 {
		c.StopTimeout = 30 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

var heapSize = regexp.MustCompile(`^[1-9][0-9]*[kKmMgG]?$`)

// ownProperties are the settings that the cluster computes: overriding one would break it.
var ownProperties = []string{
	"process.roles", "node.id", "controller.quorum.voters", "controller.quorum.bootstrap.servers", "listeners",
	"advertised.listeners", "listener.security.protocol.map", "inter.broker.listener.name", "controller.listener.names", "log.dirs", "log.dir",
}

func (c Config) validate() error {
	var errs []error
	if c.Brokers < 1 || c.Brokers > 9 {
		errs = append(errs, fmt.Errorf("bad Brokers %d: from 1 to 9", c.Brokers))
	}
	if n := c.portsPerBroker() * c.Brokers; c.BasePort < 0 || c.BasePort+n > 65535 {
		errs = append(errs, fmt.Errorf("bad BasePort %d: 0 for free ports, or a port with %d more above it", c.BasePort, n-1))
	}
	errs = append(errs, c.validateListeners()...)
	if !heapSize.MatchString(c.Heap) {
		errs = append(errs, fmt.Errorf("bad Heap %q: a size such as 400m", c.Heap))
	}
	if c.StartTimeout < 0 || c.StopTimeout < 0 {
		errs = append(errs, errors.New("negative StartTimeout or StopTimeout"))
	}
	for _, k := range slices.Sorted(maps.Keys(c.ExtraProperties)) {
		switch v := c.ExtraProperties[k]; {
		case slices.Contains(ownProperties, k):
			errs = append(errs, fmt.Errorf("bad ExtraProperties: %s is set by the cluster", k))
		case k == "" || strings.ContainsAny(k, " =:#!\\\r\n") || strings.ContainsAny(v, "\\\r\n"):
			errs = append(errs, fmt.Errorf("bad ExtraProperties: %q=%q cannot be written to a properties file", k, v))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("kafkacluster: bad configuration: %w", err)
	}
	return nil
}
