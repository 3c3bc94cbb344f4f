package pipeline

import "fmt"

// Guarantee says what a crash can do to what a service writes; see
// Config.Guarantee. The words are those of Kafka Streams'
// processing.guarantee.
type Guarantee string

const (
	// ExactlyOnce commits outputs, tables and positions in Kafka transactions
	// (KIP-447): who reads committed records only sees each record's effect
	// once, whatever crashes. It needs brokers with transactions of version 2
	// (KIP-890), the default of Kafka 4.0 and newer. Consumers outside must
	// read with isolation.level=read_committed.
	ExactlyOnce Guarantee = "exactly_once"
	// AtLeastOnce loses nothing, and can repeat after a crash what was not
	// committed: about the last commit interval.
	AtLeastOnce Guarantee = "at_least_once"
)

// ParseGuarantee reads a guarantee by its name. Kafka Streams' exactly_once_v2
// is ExactlyOnce.
func ParseGuarantee(s string) (Guarantee, error) {
	switch g := Guarantee(s); g {
	case ExactlyOnce, AtLeastOnce:
		return g, nil
	case "exactly_once_v2":
		return ExactlyOnce, nil
	}
	return "", fmt.Errorf("%w: guarantee %q: use %s or %s", ErrConfig, s, ExactlyOnce, AtLeastOnce)
}
