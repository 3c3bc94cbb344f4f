package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"strconv"
	"time"
)

// Config configures a broker. Its zero value is a broker on any free port with
// a temporary folder.
type Config struct {
	// Dir is the folder for the data, which the broker has to itself. It is
	// made if it does not exist; one that holds other things is refused.
	// Default: a temporary folder, which Close removes.
	Dir string

	// Host is the address to listen on. It must be a loopback address, since
	// there is no authentication. Default 127.0.0.1.
	Host string

	// Port is the TCP port; with several Nodes, that of the first, and the
	// others have the ports after it. Default 0: any that is free. The ports
	// stay the same when the broker is stopped and resumed.
	Port int

	// Nodes is the number of brokers that clients see, 1 to 16. They share one
	// goroutine and one copy of each record; more than one serves to test how
	// clients follow leaders (see [Broker.MoveLeader]). Default 1.
	Nodes int

	// Partitions is for topics that are created without a number of
	// partitions, 1 to 10,000. Default 1, as Kafka's num.partitions.
	Partitions int32

	// AutoCreateTopics creates a topic when a client that asks for it uses it.
	// Default false: a mistyped name is an error.
	AutoCreateTopics bool

	// MinSessionTimeout is the shortest session timeout that a member of a
	// classic consumer group may ask for. Default 6 s, as Kafka's
	// group.min.session.timeout.ms; tests of failures want less.
	MinSessionTimeout time.Duration

	// ConsumerHeartbeat is how often members of KIP-848 groups are told to
	// send heartbeats, and with it how long their rebalances take. Default
	// 500 ms; Kafka's default is 5 s.
	ConsumerHeartbeat time.Duration

	// SyncWrites has each batch of records and each group offset written to
	// the disk before it is acknowledged, so that it survives the machine's
	// failure too and not just the process's. Default false, as Kafka.
	SyncWrites bool

	// Logger gets what happens. Default slog.Default().
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Host == "" {
		c.Host = "127.0.0.1"
	}
	if c.Nodes == 0 {
		c.Nodes = 1
	}
	if c.Partitions == 0 {
		c.Partitions = 1
	}
	if c.MinSessionTimeout == 0 {
		c.MinSessionTimeout = 6 * time.Second
	}
	if c.ConsumerHeartbeat == 0 {
		c.ConsumerHeartbeat = 500 * time.Millisecond
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// validate returns everything that is wrong.
func (c Config) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if a, err := netip.ParseAddr(c.Host); err != nil || !a.IsLoopback() {
		bad("Host %q is not a loopback address such as 127.0.0.1 or ::1: there is no authentication", c.Host)
	}
	if c.Nodes < 1 || c.Nodes > 16 {
		bad("Nodes is %d, must be 1 to 16", c.Nodes)
	}
	if last := c.Port + max(c.Nodes, 1) - 1; c.Port < 0 || c.Port > 0 && last > math.MaxUint16 {
		bad("Port is %d, must be 0 or such that all nodes' ports are at most 65535", c.Port)
	}
	if c.Partitions < 1 || c.Partitions > 10_000 {
		bad("Partitions is %d, must be 1 to 10000", c.Partitions)
	}
	if c.MinSessionTimeout < time.Millisecond || c.MinSessionTimeout > 5*time.Minute {
		bad("MinSessionTimeout is %s, must be 1ms to 5m", c.MinSessionTimeout)
	}
	if c.ConsumerHeartbeat < time.Millisecond || c.ConsumerHeartbeat > time.Minute {
		bad("ConsumerHeartbeat is %s, must be 1ms to 1m", c.ConsumerHeartbeat)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("embedded broker: configuration: %w", err)
	}
	return nil
}

// settings are the broker's own, in Kafka's names. They win over those that a
// client changed in an earlier run.
//
// Nothing is deleted: kfake applies the retention of 7 days to compacted topics
// too, and starts a partition that became empty at offset 0 again. Nothing is
// compacted: kfake removes the old files before it writes the new ones, and a
// kill in between loses the partition. Both are the cleaner's work, so its
// interval is out of reach.
func (c Config) settings() map[string]string {
	never := strconv.FormatInt((100 * 365 * 24 * time.Hour).Milliseconds(), 10)
	forever := strconv.Itoa(math.MaxInt32) // 4,000 years in minutes, 24 days in milliseconds
	return map[string]string{
		"log.retention.ms":                     "-1",
		"log.retention.bytes":                  "-1",
		"log.cleaner.backoff.ms":               never,
		"offsets.retention.minutes":            forever,
		"transactional.id.expiration.ms":       forever,
		"group.min.session.timeout.ms":         strconv.FormatInt(c.MinSessionTimeout.Milliseconds(), 10),
		"group.consumer.heartbeat.interval.ms": strconv.FormatInt(c.ConsumerHeartbeat.Milliseconds(), 10),
	}
}
