package fetch

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"

	"github.com/millrace/millrace/apps/rss-articles/internal/feed"
)

// maxSeen bounds the hashes of a feed's state: about 30 KB.
const maxSeen = 2500

// hash is of what makes an item new or changed. Dates are left out: many feeds
// give each item the time of the request.
func hash(i feed.Item) string {
	h := sha256.New()
	for _, s := range []string{i.GUID, i.Link, i.Title, i.Content, i.Summary} {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:9])
}

// unseen returns the items that were not seen, oldest first as far as the order
// of the document tells (newest first), and the hashes to remember: those of
// the document, and some of those before, as servers behind one address give
// older documents in between.
func unseen(items []feed.Item, seen []string) (fresh []feed.Item, remember []string) {
	known := make(map[string]bool, len(seen))
	for _, s := range seen {
		known[s] = true
	}
	remember = make([]string, 0, len(items))
	now := make(map[string]bool, len(items))
	for _, i := range items {
		h := hash(i)
		if now[h] {
			continue
		}
		now[h] = true
		if len(remember) < maxSeen {
			remember = append(remember, h)
		}
		if !known[h] {
			fresh = append(fresh, i)
		}
	}
	slices.Reverse(fresh)
	limit := min(max(2*len(items), 50), maxSeen)
	for _, s := range seen {
		if len(remember) >= limit {
			break
		}
		if !now[s] {
			remember = append(remember, s)
		}
	}
	return fresh, remember
}

// Bounds of an item, in bytes, so that a record stays below the largest that
// brokers take by default (1 MB, in JSON up to six bytes for one).
const (
	maxText  = 128 << 10
	maxField = 2 << 10
	maxTags  = 50
)

// bound cuts an item to size.
func bound(i feed.Item) feed.Item {
	i.Content, i.Summary = cut(i.Content, maxText), cut(i.Summary, maxText/8)
	i.GUID, i.Title, i.Author = cut(i.GUID, maxField), cut(i.Title, maxField), cut(i.Author, maxField)
	if len(i.Link) > 2*maxField {
		i.Link = "" // half an address leads nowhere
	}
	i.Tags = slices.Clone(i.Tags[:min(len(i.Tags), maxTags)])
	for n := range i.Tags {
		i.Tags[n] = cut(i.Tags[n], 200)
	}
	return i
}

// cut returns the first n bytes of s, less a character that would be split.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}
