package memory

import "strings"

// forgetAt is how many entries a log has at least when something is forgotten.
const forgetAt = 4096

// forget drops from a log what nobody will read, if it has become long: of a
// compacted topic, all but the newest record of each key; of another that groups
// read, all records; in both cases only what all of them, and those who follow
// it, have read. The caller holds the cluster's lock.
func (c *Cluster) forget(t *topic, n int32) {
	log := &t.partitions[n]
	if log.limit == 0 || len(log.entries) < log.limit {
		return
	}
	low, groups := c.lowest(t.info.Name, n)
	compacted := strings.Contains(t.info.Config["cleanup.policy"], "compact")
	newest := map[string]int64{}
	for _, e := range log.entries {
		if compacted && e.committed() {
			newest[string(e.r.Key)] = e.offset
		}
	}
	kept := log.entries[:0]
	for _, e := range log.entries {
		switch {
		case e.offset >= low, e.tx != nil && e.tx.open():
		case !e.committed(), !compacted && groups:
			continue
		case compacted && (e.r.Value == nil || newest[string(e.r.Key)] != e.offset):
			continue
		}
		kept = append(kept, e)
	}
	clear(log.entries[len(kept):])
	log.entries = kept
	log.limit = max(2*len(kept), forgetAt)
}

// lowest is how far all have read a partition who read its topic, and whether
// there are groups among them.
func (c *Cluster) lowest(name string, n int32) (low int64, groups bool) {
	log := &c.topics[name].partitions[n]
	low = log.end()
	for position := range log.readers {
		low = min(low, *position)
	}
	for _, g := range c.groups {
		if g.topics[name] {
			groups = true
			low = min(low, g.committed[name][n])
		}
	}
	return low, groups
}
