package kafkacluster

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// defaultProperties are the settings that all brokers share, for a cluster of n.
func defaultProperties(n int) map[string]string {
	replicas := min(n, 3)
	r, inSync := strconv.Itoa(replicas), strconv.Itoa(max(1, replicas-1))
	return map[string]string{
		"auto.create.topics.enable":  "false",
		"num.partitions":             "4",
		"default.replication.factor": r,
		"min.insync.replicas":        inSync,

		// Internal topics: as safe as the others, with few partitions, because each one costs time at start
		// and at every change of leaders.
		"offsets.topic.num.partitions":                     "6",
		"offsets.topic.replication.factor":                 r,
		"transaction.state.log.num.partitions":             "6",
		"transaction.state.log.replication.factor":         r,
		"transaction.state.log.min.isr":                    inSync,
		"share.coordinator.state.topic.num.partitions":     "2",
		"share.coordinator.state.topic.replication.factor": r,
		"share.coordinator.state.topic.min.isr":            inSync,

		// A new group need not wait for members that a test will not start.
		"group.initial.rebalance.delay.ms": "50",
		"group.min.session.timeout.ms":     "1000",

		// Broken brokers are noticed within seconds: fenced by the controller after the session timeout.
		// Not shorter, or a busy machine fences healthy ones.
		"broker.heartbeat.interval.ms":       "500",
		"broker.session.timeout.ms":          "4000",
		"controller.quorum.fetch.timeout.ms": "3000",
		"replica.lag.time.max.ms":            "10000",

		// Transactions of a killed producer end soon after their timeout.
		"transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",

		// Small heaps and few cores.
		"num.network.threads":             "2",
		"num.io.threads":                  "4",
		"background.threads":              "2",
		"log.cleaner.dedupe.buffer.size":  "8388608",
		"log.cleaner.io.buffer.size":      "131072",
		"log.index.size.max.bytes":        "1048576",
		"log.segment.bytes":               "67108864",
		"offsets.topic.segment.bytes":     "16777216",
		"group.coordinator.threads":       "2",
		"metadata.log.segment.bytes":      "16777216",
		"num.replica.fetchers":            "1",
		"socket.listen.backlog.size":      "128",
		"controlled.shutdown.max.retries": "3",
	}
}

// properties is the text of a broker's server.properties.
func (c *Cluster) properties(n *node) string {
	p := defaultProperties(len(c.nodes))
	maps.Copy(p, c.cfg.ExtraProperties)

	voters := make([]string, len(c.nodes))
	for i, v := range c.nodes {
		voters[i] = fmt.Sprintf("%d@%s:%d", v.id, loopback, v.controllerPort)
	}
	p["process.roles"] = "broker,controller"
	p["node.id"] = strconv.Itoa(n.id)
	p["controller.quorum.voters"] = strings.Join(voters, ",")
	p["listeners"] = fmt.Sprintf("PLAINTEXT://%s:%d,CONTROLLER://%s:%d", loopback, n.port, loopback, n.controllerPort)
	p["advertised.listeners"] = fmt.Sprintf("PLAINTEXT://%s:%d", loopback, n.port)
	p["controller.listener.names"] = "CONTROLLER"
	p["log.dirs"] = filepath.ToSlash(filepath.Join(n.dir, "data"))

	c.cfg.listenerProperties(n, p)

	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(p)) {
		fmt.Fprintf(&b, "%s=%s\n", k, strings.ReplaceAll(p[k], "\n", `\n`)) // a PEM has several lines
	}
	return b.String()
}
