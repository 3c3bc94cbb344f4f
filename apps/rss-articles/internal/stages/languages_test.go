package stages_test

import (
	"testing"

	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

// Readers meet articles in each of their languages, by whichever form of a word.
func TestStemsOfLanguages(t *testing.T) {
	const (
		german  = "Ergebnis der Wahlen: Die Regierung verliert ihre Mehrheit im Parlament"
		german2 = "Nach der Auszählung aller Stimmen steht fest, dass die Parteien der Koalition zusammen keine Mehrheit mehr haben. Die Gespräche über eine neue Regierung sollen am Montag beginnen."
		french  = "Les élections auront lieu au printemps, annonce le gouvernement"
		french2 = "Le gouvernement a annoncé jeudi que les électeurs seront appelés aux urnes au mois de mai, après plusieurs semaines de discussions avec les partis de l'opposition."
	)
	d := driver(t)
	d.Send(reader("all before", "Wahl", "élection"), reader("phrase", `"Mehrheit im Parlament"`))
	d.Send(topics.Readers.Row("de", topics.Reader{ID: "de", Languages: []string{"de"}, Interests: []topics.Interest{{Text: "Wahl"}, {Text: "élection"}}}))
	d.Send(item("de", "https://de.example/1", german, german2, 0), item("fr", "https://fr.example/1", french, french2, 1),
		item("en", "https://a.example/1", goal, goal2, 2))
	d.Send(reader("all later", "Wahl", "élection"))
	for key, e := range pipelinetest.Rows(d, topics.Articles) {
		if want := map[string]string{german: "de", french: "fr", goal: "en"}[e.Title]; e.Lang != want {
			t.Fatalf("%s %q is in %q, want %q", key, e.Title, e.Lang, want)
		}
	}
	for _, id := range []string{"all before", "all later"} {
		items := pipelinetest.Rows(d, topics.Recommendations)[id].Items
		found := map[string]string{}
		for _, i := range items {
			if len(i.Reasons) != 1 {
				t.Errorf("%s, %q: %+v", id, i.Title, i.Reasons)
			}
			found[i.Title] = i.Reasons[0].Term
		}
		if len(items) != 2 || found[german] != "Wahl" || found[french] != "élection" {
			t.Errorf("%s: %v", id, found)
		}
	}
	expect(t, "of German", shelf(d, "de"), german)
	expect(t, "phrase", shelf(d, "phrase"), german)
}
