// Package transporttest holds what every transport.Cluster must do, as tests
// that a transport's own tests run: the cluster in memory, on which the test
// driver runs, and Kafka's clients must not differ in what the engine relies
// on.
//
//	func TestConformance(t *testing.T) {
//		transporttest.Run(t, func(t *testing.T) transport.Cluster { ... })
//	}
package transporttest

import (
	"testing"

	"github.com/millrace/millrace/internal/transport"
)

// Run runs all tests, each with a cluster of its own, which may share brokers
// with others: topics and groups have unique names. The factory closes what it
// made when the test ends.
func Run(t *testing.T, open func(*testing.T) transport.Cluster) {
	for name, test := range map[string]func(*lab){
		"Create":                   testCreate,
		"ProducerPartitions":       testProducerPartitions,
		"ProducerOrder":            testProducerOrder,
		"ProducerUnknownTopic":     testProducerUnknownTopic,
		"ProducerClosed":           testProducerClosed,
		"GroupReadsAll":            testGroupReadsAll,
		"GroupGoesOn":              testGroupGoesOn,
		"GroupPauses":              testGroupPauses,
		"GroupShares":              testGroupShares,
		"GroupPausedComesBack":     testGroupPausedComesBack,
		"GroupCommitsInRevocation": testGroupCommitsInRevocation,
		"GroupReleases":            testGroupReleases,
		"GroupRefusesCommits":      testGroupRefusesCommits,
		"GroupClosed":              testGroupClosed,
		"TableBounds":              testTableBounds,
		"TableFollows":             testTableFollows,
		"TableErrors":              testTableErrors,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(newLab(t, open(t)))
		})
	}
}
