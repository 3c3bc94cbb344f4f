package sample

import (
	"cmp"
	"slices"
)

// Kind says how a planted copy differs from its original.
type Kind string

// The values of Kind.
const (
	Exact    Kind = "exact"    // the same link, title and text in another feed
	Tracking Kind = "tracking" // the same, with advertisers' parameters in the link
	Retitled Kind = "retitled" // the same item of the same feed, later under a new title
	Near     Kind = "near"     // an edited copy in another feed, with another link and title
)

// Ref names an item.
type Ref struct {
	Feed  string // the path of its feed
	Link  string // as the feed has it
	Title string
}

// Pair is a planted copy with its original, which is served first.
type Pair struct {
	Kind     Kind
	Original Ref
	Copy     Ref
}

// Planted returns all planted copies, in the order in which they appear. Items
// that are in no pair are copies of nothing.
func Planted() ([]Pair, error) {
	byFeed, err := load()
	if err != nil {
		return nil, err
	}
	all := map[string]*story{}
	var copies []*story
	for _, f := range Feeds() {
		for _, s := range byFeed[f.name] {
			all[s.key()] = s
			if s.kind != "" {
				copies = append(copies, s)
			}
		}
	}
	slices.SortStableFunc(copies, func(a, b *story) int { return cmp.Compare(a.late, b.late) })
	var pairs []Pair
	for _, s := range copies {
		o := all[s.original]
		if s.kind == Retitled {
			o = all[s.feed.name+"/"+s.retitles]
		}
		pairs = append(pairs, Pair{s.kind, ref(o, all), ref(s, all)})
	}
	return pairs, nil
}

func ref(s *story, all map[string]*story) Ref { return Ref{s.feed.Path, itemLink(s, all), s.title} }

// itemLink is the link of an item: copies that claim to be the original have
// the original's.
func itemLink(s *story, all map[string]*story) string {
	switch s.kind {
	case Exact, Tracking:
		return all[s.original].link() + s.suffix
	case Retitled:
		return all[s.feed.name+"/"+s.retitles].link()
	default:
		return s.link()
	}
}
