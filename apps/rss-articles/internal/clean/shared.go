package clean

import (
	"cmp"
	"net/url"

	"github.com/millrace/millrace/apps/rss-articles/internal/feed"
)

// Shared are the addresses that several different items of one document have,
// with what tells those apart. Episodes of a podcast may all link to its home
// page, and notes of a day to the page of the day: by the address alone they would
// be versions of one article.
//
// That can only be seen in a document. An item that was alone at an address in
// one, and is there beside another in the next, has been sent by then, and keeps
// its identity unless it changes.
type Shared map[string]apart

// apart is what tells items with one address apart, the first that all of them
// have.
type apart int

const (
	byGUID apart = iota
	byFragment
	byTitle
)

// SharedBy returns the shared addresses of a document's items. Items of one title
// are one article, and so are those of one guid, whatever their titles.
func SharedBy(items []feed.Item) Shared {
	groups := map[string][]feed.Item{}
	for _, i := range items {
		if address := Canonical(i.Link); address != "" {
			groups[address] = append(groups[address], i)
		}
	}
	shared := Shared{}
	for address, group := range groups {
		if len(group) == 1 {
			continue
		}
		how, titles, values := byGUID, map[string]bool{}, map[string]bool{}
		for _, i := range group {
			titles[heading(i)] = true
			for how < byTitle && how.value(i) == "" {
				how++
			}
		}
		for _, i := range group {
			values[how.value(i)] = true
		}
		if len(titles) > 1 && len(values) > 1 {
			shared[address] = how
		}
	}
	return shared
}

// Part returns what an item has to tell it from others at its address, as a hash;
// "" if the address is not shared. It is for Raw.Part.
func (s Shared) Part(i feed.Item) string {
	if len(s) == 0 {
		return ""
	}
	how, ok := s[Canonical(i.Link)]
	if !ok {
		return ""
	}
	return ID(how.value(i))
}

func (a apart) value(i feed.Item) string {
	switch a {
	case byGUID:
		return i.GUID
	case byFragment:
		return fragment(i.Link)
	default:
		return heading(i)
	}
}

// heading is what stands for an item: many notes have no title.
func heading(i feed.Item) string { return cmp.Or(i.Title, i.Summary, i.Content) }

// fragment is what is after the # of an address, as it is escaped there.
func fragment(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	return u.EscapedFragment()
}
