package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Finding is a change that somebody should know of.
type Finding struct {
	Topic  string
	What   string // the change, what it leads to, and what to do
	Refuse bool   // the processor must not run
}

// Compare finds what changed in a processor since it last ran. others are the
// manifests of the topology's other processors, by name.
func Compare(app, name string, old *Processor, now Processor, others map[string]Processor) []Finding {
	c := comparison{reset: fmt.Sprintf("millrace reset -app %s -processor %s", app, name), name: name}
	if old != nil {
		c.inputs(*old, now)
		c.tables(*old, now)
		if old.Loop != "" && now.Loop != "" && old.Codec != now.Codec {
			c.tell(now.Loop, "the loop of processor %s was written with codec %s, %s is declared now: records that are still in it may not decode; "+
				"let the old version empty it first", name, old.Codec, now.Codec)
		}
		if old.Loop != "" && now.Loop == "" {
			c.tell(old.Loop, "processor %s has no loop any more: what is still in it stays unread", name)
		}
	}
	c.owners(app, old, now, others)
	return c.findings
}

type comparison struct {
	name     string
	reset    string // the command that begins anew
	findings []Finding
}

func (c *comparison) tell(topic, format string, args ...any) {
	c.findings = append(c.findings, Finding{Topic: topic, What: fmt.Sprintf(format, args...)})
}

func (c *comparison) refuse(topic, format string, args ...any) {
	c.tell(topic, format, args...)
	c.findings[len(c.findings)-1].Refuse = true
}

func (c *comparison) inputs(old, now Processor) {
	tables := strings.Join(slices.Sorted(maps.Keys(now.Tables)), ", ")
	for _, t := range slices.Sorted(maps.Keys(now.Inputs)) {
		is := now.Inputs[t]
		was, known := old.Inputs[t]
		switch {
		case !known:
			c.tell(t, "is a new input of processor %s: it is read from its oldest record on", c.name)
		case was.Partitions == is.Partitions:
		case len(now.Tables) > 0:
			c.refuse(t, "had %d partitions when processor %s last ran and has %d now: the keys of its records lie in other partitions than their state (%s). "+
				"Write the input to a new topic of %d partitions and read that, or delete the state and build it anew from the inputs: %s",
				was.Partitions, c.name, is.Partitions, tables, was.Partitions, c.reset)
		default:
			c.tell(t, "had %d partitions when processor %s last ran and has %d now: new partitions are read from their oldest record on; "+
				"records of one key may be handled out of order around the change", was.Partitions, c.name, is.Partitions)
		}
		if known && was.Codec != is.Codec {
			c.tell(t, "was read with codec %s by processor %s and is read with %s now: records that were written before may not decode",
				was.Codec, c.name, is.Codec)
		}
	}
	for _, t := range slices.Sorted(maps.Keys(old.Inputs)) {
		if _, ok := now.Inputs[t]; !ok {
			c.tell(t, "is no longer an input of processor %s: its position stays with group %s, and reading goes on from there if it is declared again",
				c.name, now.Group)
		}
	}
}

func (c *comparison) tables(old, now Processor) {
	var gone, added []string
	for _, t := range slices.Sorted(maps.Keys(now.Tables)) {
		is := now.Tables[t]
		was, known := old.Tables[t]
		if !known {
			added = append(added, t)
			continue
		}
		if was.Codec != is.Codec {
			c.refuse(t, "was written with codec %s, and processor %s declares it with %s now: what it holds cannot be read. "+
				"Declare codec %s again, or a table of another name, or delete what it holds and build it anew from the inputs: %s",
				was.Codec, c.name, is.Codec, was.Codec, c.reset)
		}
		if was.Partitions != is.Partitions && !c.told() {
			c.refuse(t, "had %d partitions when processor %s last ran and has %d now: its keys lie in other partitions than their records. "+
				"Delete what it holds and build it anew from the inputs: %s", was.Partitions, c.name, is.Partitions, c.reset)
		}
	}
	for _, t := range slices.Sorted(maps.Keys(old.Tables)) {
		if _, ok := now.Tables[t]; !ok {
			gone = append(gone, t)
		}
	}
	for _, t := range gone {
		hint := "delete the topic once nobody needs it"
		if len(added) > 0 {
			hint = fmt.Sprintf("if it was renamed to %s, that begins empty and %s stays as it is: take the old name again, or build the new table from the inputs: %s",
				strings.Join(added, " or "), t, c.reset)
		}
		c.tell(t, "is no longer a table of processor %s: its changelog topic and its state folder stay; %s", c.name, hint)
	}
	for _, t := range added {
		c.tell(t, "is a new table of processor %s: it begins empty, though the processor is past the records that could have filled it; to build it from the inputs: %s",
			c.name, c.reset)
	}
}

// told says whether a change of partitions was refused already.
func (c *comparison) told() bool {
	return slices.ContainsFunc(c.findings, func(f Finding) bool { return f.Refuse && strings.Contains(f.What, " partitions when ") })
}

// owners finds tables that another processor has filled: a processor that was
// renamed begins at the oldest records, and would count them twice.
func (c *comparison) owners(app string, old *Processor, now Processor, others map[string]Processor) {
	for _, t := range slices.Sorted(maps.Keys(now.Tables)) {
		if old != nil {
			if _, own := old.Tables[t]; own {
				continue
			}
		}
		for _, other := range slices.Sorted(maps.Keys(others)) {
			if _, ok := others[other].Tables[t]; ok {
				c.refuse(t, "was the table of processor %s: what that put into it would be mixed with what processor %s does, which has positions of its own. "+
					"Take the old name of the processor again, or a table of another name, or delete what the old one left: millrace reset -app %s -processor %s",
					other, c.name, app, other)
			}
		}
	}
}
