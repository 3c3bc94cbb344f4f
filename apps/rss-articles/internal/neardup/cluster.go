package neardup

import "maps"

// Item is one article of a batch.
type Item struct {
	Rank     Rank
	Document Document
}

// Cluster runs the streaming steps over a batch, in the order given, and
// returns each article's final decision by id. It is meant for evaluation and
// tests: it keeps all state in memory. Articles that nothing can be said of (no
// title, no text) are unique.
func Cluster(items []Item, w Window) map[string]Decision {
	var (
		sketcher = NewSketcher()
		bands    = map[string]BandState{}
		verdicts = map[string]Verdict{}
		out      = make(map[string]Decision, len(items))
	)
	for _, it := range items {
		sketch, keys := sketcher.Sketch(it.Document)
		out[it.Rank.ID] = Decision{Article: it.Rank}
		for i, p := range Probes(it.Rank, sketch, keys) {
			next, answers := bands[keys[i]].Add(p, w)
			bands[keys[i]] = next
			for _, a := range answers {
				v, d := verdicts[a.Article.ID].Add(a)
				verdicts[a.Article.ID] = v
				if d != nil {
					out[a.Article.ID] = *d
				}
			}
		}
	}
	return out
}

// Representatives returns, for the decisions of [Cluster], each article's
// representative, which for a unique article is itself.
func Representatives(decisions map[string]Decision) map[string]string {
	out := make(map[string]string, len(decisions))
	for id := range maps.Keys(decisions) {
		out[id] = Root(id, func(id string) (string, bool) {
			d, ok := decisions[id]
			if !ok || d.Match == nil {
				return "", false
			}
			return d.Match.Original.ID, true
		})
	}
	return out
}
