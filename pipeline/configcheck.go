package pipeline

import (
	"fmt"
	"math"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/internal/transport/peers"
)

// Validate reports all that is wrong with the configuration itself, as a
// *ValidationError. NewService also checks what depends on the topology, and
// that the state folder is writable.
func (c Config) Validate() error { return c.problems().err("configuration") }

func (c Config) problems() *configCheck {
	v := &configCheck{}
	if len(c.Brokers) == 0 && len(c.tweak) == 0 {
		v.bad("Brokers", "no address")
	}
	for _, b := range c.Brokers {
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" {
			v.bad("Brokers", "%q is not host:port", b)
		}
	}
	if _, err := ParseGuarantee(string(c.Guarantee)); c.Guarantee != "" && err != nil {
		v.bad("Guarantee", "%q: use %s or %s", c.Guarantee, ExactlyOnce, AtLeastOnce)
	}
	_, terrs := c.TLS.config()
	_, serrs := c.SASL.config()
	for _, e := range append(terrs, serrs...) {
		v.bad(e.field, "%v", e.err)
	}
	switch c.Compression {
	case "", CompressionNone, CompressionGzip, CompressionSnappy, CompressionLZ4, CompressionZstd:
	default:
		v.bad("Compression", "%q is unknown: use none, gzip, snappy, lz4 or zstd", string(c.Compression))
	}
	for name, d := range map[string]time.Duration{"ConnectTimeout": c.ConnectTimeout, "CommitInterval": c.CommitInterval,
		"DrainTimeout": c.DrainTimeout, "RestartMin": c.RestartMin, "RestartMax": c.RestartMax, "HandlerTimeout": c.HandlerTimeout} {
		if d < 0 {
			v.bad(name, "%v is negative", d)
		}
	}
	c.checkTimeouts(v)
	for name, n := range map[string]int64{"CommitBytes": c.CommitBytes, "CommitKeys": int64(c.CommitKeys),
		"PrefetchBytes": c.PrefetchBytes, "CacheBytes": c.CacheBytes, "StoreBytes": c.StoreBytes,
		"Partitions": int64(c.Partitions), "Replication": int64(c.Replication)} {
		if n < 0 {
			v.bad(name, "%d is negative", n)
		}
	}
	if c.Partitions > math.MaxInt32 {
		v.bad("Partitions", "%d is too many", c.Partitions)
	}
	if c.StandbyReplicas < 0 || c.StandbyReplicas > maxStandbys {
		v.bad("StandbyReplicas", "%d is not from 0 to %d", c.StandbyReplicas, maxStandbys)
	}
	if c.PeerAddress != "" {
		if err := peers.CheckAddress(c.PeerAddress); err != nil {
			v.bad("PeerAddress", "%.300q: %v", c.PeerAddress, err)
		}
	}
	if c.Replication > math.MaxInt16 {
		v.bad("Replication", "%d is too many", c.Replication)
	}
	if d := c.WithDefaults(); d.RestartMin > d.RestartMax && d.RestartMin >= 0 && d.RestartMax >= 0 {
		v.bad("RestartMin", "%v is more than RestartMax, %v", d.RestartMin, d.RestartMax)
	}
	return v
}

// maxStandbys bounds Config.StandbyReplicas.
const maxStandbys = 100

// Bounds of timeouts: Kafka's own defaults for what the brokers allow.
const (
	minTimeout            = time.Second
	maxTransactionTimeout = 15 * time.Minute
	maxSessionTimeout     = 30 * time.Minute
)

// checkTimeouts looks at what the group and its transactions need.
func (c Config) checkTimeouts(v *configCheck) {
	within := func(name string, d, most time.Duration) {
		if d != 0 && (d < minTimeout || d > most) {
			v.bad(name, "%v is not from %v to %v", d, minTimeout, most)
		}
	}
	within("TransactionTimeout", c.TransactionTimeout, maxTransactionTimeout)
	within("SessionTimeout", c.SessionTimeout, maxSessionTimeout)
	if d := c.WithDefaults(); d.TransactionTimeout <= d.CommitInterval && d.Guarantee == ExactlyOnce && d.TransactionTimeout >= minTimeout {
		v.bad("TransactionTimeout", "%v is not more than CommitInterval, %v: no transaction would be committed", d.TransactionTimeout, d.CommitInterval)
	}
	if !instanceID.MatchString(c.InstanceID) || c.InstanceID == "." || c.InstanceID == ".." {
		v.bad("InstanceID", "%.300q: use letters, digits, '.', '_' and '-', %d at most", c.InstanceID, 249)
	}
}

// instanceID is what Kafka takes for a group.instance.id.
var instanceID = regexp.MustCompile(`^[a-zA-Z0-9._-]{0,249}$`)

// validate reports all that is wrong with the configuration for a topology.
func (c Config) validate(t *Topology) error {
	v := c.problems()
	names := t.Processors()
	for _, p := range c.Processors {
		if !slices.Contains(names, p) {
			v.bad("Processors", "there is no %q; the topology has %s", p, strings.Join(names, ", "))
		}
	}
	defs := t.definitions()
	for _, r := range c.Views {
		switch d, ok := defs[r.Name()]; {
		case !ok:
			v.bad("Views", "table %s is not part of the topology", r.Name())
		case d.Kind.String() != "table":
			v.bad("Views", "%s is a topic, not a table", r.Name())
		}
	}
	c.checkApplication(v, t)
	if len(c.tweak) == 0 { // else the stores may be elsewhere, and a folder would be left behind
		if err := writable(c.WithDefaults().StateDir); err != nil {
			v.bad("StateDir", "%v: name a folder that this process may write to", err)
		}
	}
	return v.err(fmt.Sprintf("configuration of %q", t.name))
}

// configCheck collects problems of a configuration.
type configCheck struct{ validator }

// bad notes what is wrong with a field.
func (v *configCheck) bad(field, format string, args ...any) {
	v.add(ErrConfig, "configuration", field+": "+format, args...)
	v.problems[len(v.problems)-1].Field = field
}

func (v *configCheck) err(subject string) error {
	if len(v.problems) == 0 {
		return nil
	}
	slices.SortFunc(v.problems, func(a, b *Problem) int { return strings.Compare(a.What, b.What) })
	return &ValidationError{subject, v.problems}
}

// writable makes sure that files can be made in a folder.
func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".writable-")
	if err != nil {
		return err
	}
	return firstError(f.Close(), os.Remove(f.Name()))
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
