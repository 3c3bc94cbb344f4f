package neardup

// Thresholds, measured on labelled pairs (the project's evaluation test prints
// the figures). Few on purpose: each is the value of a similarity, none belongs
// to a language or data set.
const (
	// shortThreshold is the similarity from which short passages (titles, and
	// texts of less than shortText words) are the same. Below it begin other
	// stories on the same event, and paraphrases that say something else.
	shortThreshold = 0.70
	// longThreshold is the similarity from which longer texts are the same:
	// half of all pairs of neighbouring words are common. Other stories on the
	// same event stay far below.
	longThreshold = 0.50
	// shortText is the number of words from which a text counts as long.
	shortText = 40
	// weaker is the part of its threshold that the weaker of title and text
	// must reach where both are needed.
	weaker = 0.5
	// agreement is what the similarities of title and text, each divided by its
	// threshold, must sum up to if neither reaches it: say 60 % of both.
	agreement = 1.2
)

// Similarity returns how alike two documents are, from 0 to 1: the greater of
// the similarities of title and text. It is symmetric, and 1 for a sketch with
// itself unless it is empty.
func Similarity(a, b Sketch) float64 {
	if a.Version != b.Version {
		return 0
	}
	title, _, _ := titles(a.Title, b.Title)
	text, _ := textSimilarity(a, b)
	return max(title, text)
}

// Duplicate reports whether two documents are the same article, and their
// [Similarity]. It is symmetric.
//
//   - Same titles suffice if they are long enough, unless each has a number
//     that the other lacks ("magnitude 5.1" and "magnitude 5.8").
//   - Same texts suffice, whatever the titles: publishers retitle.
//   - Titles and texts that are both nearly the same suffice together.
//   - Within one source neither suffices if the other contradicts: a column
//     keeps its title while its text changes, and one summary serves a video
//     and a podcast. There the weaker must reach half of its threshold.
//   - A title that is too short to say anything needs the text beside it, or
//     must be equal to one that has no text to contradict either.
func Duplicate(a, b Sketch) (bool, float64) {
	if a.Version != b.Version {
		return false, 0
	}
	title, words, numbers := titles(a.Title, b.Title)
	text, haveText := textSimilarity(a, b)
	score := max(title, text)

	textThreshold := shortThreshold
	if min(a.Words, b.Words) >= shortText {
		textThreshold = longThreshold
	}
	sameTitle := title >= shortThreshold && !numbers &&
		(words >= minTitle || title == 1 && words > 1 && !haveText)
	sameText := haveText && text >= textThreshold
	both := title >= weaker*shortThreshold && text >= weaker*textThreshold
	together := both && title/shortThreshold+text/textThreshold >= agreement
	if !sameTitle && !sameText && !together {
		return false, score
	}
	if a.Source != 0 && a.Source == b.Source && words > 0 && haveText {
		return both, score
	}
	return true, score
}
