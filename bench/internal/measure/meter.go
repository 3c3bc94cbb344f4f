package measure

import "time"

const (
	warm  = 0.2 // the share of the input that is not counted, if nothing else is said
	poll  = 50 * time.Millisecond
	quiet = time.Second // without a commit: it is done
	// The same for a topology of several steps, of which one may be waiting.
	quietSteps = 5 * time.Second
)

// sample is what was seen at a moment.
type sample struct {
	at      time.Time
	cpu     time.Duration
	input   int64 // positions committed on the input
	commits int64 // and on all topics
}

// meter makes a measurement of samples. It begins when the given share of the
// input is committed, and ends when all of it is and nothing more comes, or
// after the limit.
//
// A contender that takes longer than the limit to its first share, from its
// first commit on, is warm enough: the measurement begins then.
type meter struct {
	total int64         // records of the input
	from  float64       // share
	quiet time.Duration // without a commit, and it is done
	limit time.Duration // of the measurement and of what comes before it; 0: none

	first       time.Time // commit
	began, last sample    // last is when the last commit was seen
	warmed      bool
	cut         bool // by the limit
}

// add takes the next sample, and says whether the measurement is over.
func (m *meter) add(s sample) (over bool) {
	if m.first.IsZero() && s.input > 0 {
		m.first = s.at
	}
	if s.commits != m.last.commits {
		m.last = s
	}
	if !m.warmed {
		late := m.limit > 0 && !m.first.IsZero() && s.at.Sub(m.first) >= m.limit
		if m.warmed = late || float64(s.input) >= m.from*float64(m.total); m.warmed && m.from > 0 {
			m.began = s
		}
	}
	if s.input >= m.total {
		return s.at.Sub(m.last.at) > m.quiet
	}
	// What was used since the last commit is for records that are not counted.
	m.cut = m.warmed && m.limit > 0 && s.at.Sub(m.began.at) >= m.limit && m.last.input > m.began.input
	return m.cut
}
