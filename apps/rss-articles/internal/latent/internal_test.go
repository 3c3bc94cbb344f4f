package latent

import (
	"fmt"
	"testing"
)

func TestVocabularyIsBounded(t *testing.T) {
	s := Sample{}
	for i := range MaxVocabulary + 100 {
		s[fmt.Sprint("t", i)] = 1
	}
	samples := []Sample{s, s, {"t1": 1}, {"alone": 1}}
	training := Start(samples)
	names := training.names()
	rows := training.rows(names, samples)
	if len(names) != MaxVocabulary || names[0] != "t1" || len(rows) != 3 {
		t.Errorf("%d terms, the first %s, of %d articles", len(names), names[0], len(rows))
	}
}
