package leveldb

// State says how a store was found when it was opened.
type State int

const (
	// Created: there was none.
	Created State = iota
	// Clean: it had been closed in order and holds all that was applied.
	Clean
	// Unclean: its process ended without Close. It is as it was at its offset.
	Unclean
	// Replaced: it could not be used and was moved aside; this one is empty.
	Replaced
)

func (s State) String() string {
	switch s {
	case Created:
		return "created"
	case Clean:
		return "clean"
	case Unclean:
		return "unclean"
	case Replaced:
		return "replaced"
	}
	return "unknown"
}

// Info tells how a store was found when it was opened.
type Info struct {
	State State
	// Reason says why a store was replaced, as one of the typed errors of Open,
	// or what is wrong with the end of one that was not. It is nil otherwise.
	Reason error
	// MovedTo is the folder of the store that was replaced.
	MovedTo string
	// Lost counts batches that could still be read but not used, since one
	// before them was damaged or missing: the disk or the machine failed. It is
	// zero after a kill of the process.
	Lost int
}

// Info tells how the store was found when it was opened.
func (s *Store) Info() Info { return s.info }
