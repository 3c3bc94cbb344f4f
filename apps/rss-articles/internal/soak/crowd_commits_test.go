package soak

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// commits is what became of a processor's commits: a busy machine shows first in
// those that take long, then in transactions that are aborted since they took
// longer than TransactionTimeout.
type commits struct {
	all, slow int // slow: of more than slowCommit
	aborted   int
}

// slowCommit is an upper bound of a bucket of the histogram.
const slowCommit = "2.5"

var commitMetric = regexp.MustCompile(`(?m)^millrace_(transaction_aborts_total|commit_duration_seconds_count|commit_duration_seconds_bucket)\{(.*)\} (\d+)`)
var processorLabel = regexp.MustCompile(`processor="([^"]*)"`)

// countCommits adds up what the app exports, which begins anew with each start.
func (d *crowdDay) countCommits() {
	d.t.Helper()
	resp, err := d.app.client.Get(d.app.url + "/metrics")
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	found := commitMetric.FindAllStringSubmatch(string(text), -1)
	if len(found) == 0 {
		d.t.Fatal("the app exports nothing of its commits")
	}
	for _, m := range found {
		n, err := strconv.Atoi(m[3])
		processor := processorLabel.FindStringSubmatch(m[2])
		if err != nil || processor == nil {
			d.t.Fatalf("cannot read %q: %v", m[0], err)
		}
		c := d.commits[processor[1]]
		switch {
		case m[1] == "transaction_aborts_total":
			c.aborted += n
		case m[1] == "commit_duration_seconds_count":
			c.all += n
			c.slow += n
		case strings.Contains(m[2], `le="`+slowCommit+`"`):
			c.slow -= n
		}
		d.commits[processor[1]] = c
	}
}

// tellCommits says which processors had slow commits or aborts.
func (d *crowdDay) tellCommits() string {
	var b strings.Builder
	all := 0
	for _, name := range slices.Sorted(maps.Keys(d.commits)) {
		c := d.commits[name]
		all += c.all
		if c.slow > 0 || c.aborted > 0 {
			fmt.Fprintf(&b, "; %s: %d of %d, %d transactions aborted", name, c.slow, c.all, c.aborted)
		}
	}
	if b.Len() == 0 {
		b.WriteString("none")
	}
	return fmt.Sprintf("%d commits, of which more than %s s took: %s", all, slowCommit, strings.TrimPrefix(b.String(), "; "))
}
