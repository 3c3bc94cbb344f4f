package tool

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/internal/manifest"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/pipeline"
)

// ResetOptions say what begins anew.
type ResetOptions struct {
	App        string   // the topology's name. Required
	Processors []string // Default: all that its manifest knows
	// To is the time from which the inputs are read again. Default: from their
	// oldest records.
	To time.Time
	// NewApp is another name under which the topology will run: its groups
	// begin at To, and those of App stay as they are. The tables, which have
	// names of their own, are deleted all the same.
	NewApp string
	// Delete names outputs or inputs that are deleted as well. Others never
	// are.
	Delete []string
}

// ResetPlan is what a reset does.
type ResetPlan struct {
	Groups  []string                     `json:"deleteGroups"`  // whose positions are deleted
	Offsets map[string]transport.Offsets `json:"setOffsets"`    // by group: positions that are set
	Topics  []string                     `json:"deleteTopics"`  // changelogs, loops, and what was named
	Folders []string                     `json:"deleteFolders"` // local state, on this machine
	Forget  []string                     `json:"forget"`        // processors whose manifest is deleted

	app     string
	cluster *clusterOf
	busy    []string // groups that must have no members
}

type clusterOf struct {
	transport.Cluster
	transport.Maintenance
}

func maintain(c transport.Cluster) (*clusterOf, error) {
	m, err := transport.Maintain(c)
	if err != nil {
		return nil, err
	}
	return &clusterOf{c, m}, nil
}

// String lists what will be done, a line for each.
func (p *ResetPlan) String() string {
	var b strings.Builder
	line := func(what string, names []string) {
		for _, n := range names {
			fmt.Fprintf(&b, "%s %s\n", what, n)
		}
	}
	line("delete group", p.Groups)
	line("delete topic", p.Topics)
	line("delete folder", p.Folders)
	line("forget processor", p.Forget)
	listOffsets(&b, p.Offsets)
	return b.String()
}

// listOffsets writes positions that are set, by group, a line for each.
func listOffsets(b *strings.Builder, offsets map[string]transport.Offsets) {
	for _, g := range slices.Sorted(maps.Keys(offsets)) {
		for _, t := range slices.Sorted(maps.Keys(offsets[g])) {
			for _, n := range slices.Sorted(maps.Keys(offsets[g][t])) {
				fmt.Fprintf(b, "set group %s, topic %s, partition %d to offset %d\n", g, t, n, offsets[g][t][n])
			}
		}
	}
}

// Reset plans a reset and, unless dryRun is set, executes it. The services of
// the topology must have ended: a group with members is an error. It deletes
// the positions of the processors' groups, their changelogs and loops, their
// state folders below c.StateDir on this machine, and nothing else; on other
// machines a store notices by itself that its changelog is another one. The
// plan comes from the topology's manifest, that is from what last ran.
func Reset(ctx context.Context, c pipeline.Config, o ResetOptions, dryRun bool) (plan *ResetPlan, err error) {
	cluster, err := connect(ctx, c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	if plan, err = planReset(ctx, cluster, c.StateDir, o); err != nil || dryRun {
		return plan, err
	}
	return plan, plan.execute(ctx)
}

// ResetError lists all that is wrong with the options of a reset.
type ResetError struct{ Problems []string }

func (e *ResetError) Error() string {
	return fmt.Sprintf("reset: %d problem(s)\n  - %s", len(e.Problems), strings.Join(e.Problems, "\n  - "))
}

func planReset(ctx context.Context, cluster transport.Cluster, stateDir string, o ResetOptions) (*ResetPlan, error) {
	maintained, err := maintain(cluster)
	if err != nil {
		return nil, err
	}
	all, bad, err := manifest.Read(ctx, cluster, o.App)
	if err != nil {
		return nil, err
	}
	var problems []string
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	known := strings.Join(slices.Sorted(maps.Keys(all)), ", ")
	if len(all) == 0 {
		wrong("topology %q has no manifest in topic %s: it has not run on this cluster, or nothing is left of it", o.App, manifest.TopicName(o.App))
	}
	for name, err := range bad {
		wrong("processor %s: %v", name, err)
	}
	names := o.Processors
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(all))
	}
	if stateDir == "" {
		stateDir = "millrace-state"
	}
	p := &ResetPlan{Offsets: map[string]transport.Offsets{}, app: o.App, cluster: maintained}
	touched := map[string]bool{}
	inputs := map[string][]string{} // by group
	for _, name := range names {
		proc, ok := all[name]
		if !ok {
			wrong("there is no processor %q; the manifest has %s", name, known)
			continue
		}
		proc = proc.OnCluster()
		p.busy = append(p.busy, proc.Group)
		group := proc.Group
		if o.NewApp == "" {
			p.Groups = append(p.Groups, group)
			if proc.Loop != "" {
				p.Topics = append(p.Topics, proc.Loop)
			}
		} else {
			group = o.NewApp + strings.TrimPrefix(proc.Group, o.App)
			p.busy = append(p.busy, group)
		}
		p.Forget = append(p.Forget, name)
		p.Topics = append(p.Topics, slices.Collect(maps.Keys(proc.Tables))...)
		folder := filepath.Join(stateDir, o.App, name)
		if _, err := os.Stat(folder); err == nil && filepath.IsLocal(name) {
			p.Folders = append(p.Folders, folder)
		}
		for t := range proc.Inputs {
			touched[t] = true
			inputs[group] = append(inputs[group], t)
		}
		for _, t := range proc.Outputs {
			touched[t] = true
		}
	}
	for _, t := range o.Delete {
		if !touched[t] {
			wrong("topic %s is no input and no output of the processors: it is not deleted", t)
		}
	}
	if len(problems) > 0 {
		return nil, &ResetError{problems}
	}
	p.Topics = append(p.Topics, o.Delete...)
	if err := p.existing(ctx); err != nil {
		return nil, err
	}
	if !o.To.IsZero() {
		return p, p.positions(ctx, inputs, o.To)
	}
	return p, nil
}

// existing keeps the topics that are there.
func (p *ResetPlan) existing(ctx context.Context) error {
	slices.Sort(p.Topics)
	p.Topics = slices.Compact(p.Topics)
	infos, err := p.cluster.Describe(ctx, p.Topics...)
	if err != nil {
		return err
	}
	p.Topics = slices.DeleteFunc(p.Topics, func(t string) bool { _, ok := infos[t]; return !ok })
	return nil
}

// positions finds the offsets of a time. A topic that is deleted, or that is
// another processor's table and so begins anew, has none.
func (p *ResetPlan) positions(ctx context.Context, inputs map[string][]string, at time.Time) error {
	for group, topics := range inputs {
		p.Offsets[group] = transport.Offsets{}
		infos, err := p.cluster.Describe(ctx, topics...)
		if err != nil {
			return err
		}
		for name, info := range infos {
			if slices.Contains(p.Topics, name) {
				continue
			}
			p.Offsets[group][name] = map[int32]int64{}
			for n := range info.Partitions {
				offset, err := p.cluster.OffsetAt(ctx, transport.TopicPartition{Topic: name, Partition: n}, at)
				if err != nil {
					return err
				}
				p.Offsets[group][name][n] = offset
			}
		}
	}
	return nil
}

// execute does what the plan says. What it did not come to is done by another
// reset with the same options: the manifest goes last.
func (p *ResetPlan) execute(ctx context.Context) error {
	var errs []error
	for _, g := range p.busy {
		members, err := p.cluster.Members(ctx, g)
		if err == nil && len(members) > 0 {
			err = &transport.GroupInUseError{Group: g, Members: members}
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("reset: nothing was changed: %w", err)
	}
	for _, g := range p.Groups {
		if err := p.cluster.DeleteGroup(ctx, g); err != nil {
			return err
		}
	}
	for _, t := range p.Topics {
		if err := p.cluster.DeleteTopic(ctx, t); err != nil {
			return err
		}
	}
	for _, f := range p.Folders {
		if err := os.RemoveAll(f); err != nil {
			return fmt.Errorf("delete state folder: %w", err)
		}
	}
	for g, offsets := range p.Offsets {
		if err := p.cluster.SetGroupOffsets(ctx, g, offsets); err != nil {
			return err
		}
	}
	forget := map[string]*manifest.Processor{}
	for _, name := range p.Forget {
		forget[name] = nil
	}
	return manifest.Write(ctx, p.cluster, p.app, forget)
}
