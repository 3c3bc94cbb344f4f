package fetch

import (
	"net/http"
	"net/url"
	"strings"
)

// maxLinks bounds the links of headers that are looked at.
const maxLinks = 50

// links returns the addresses that the Link headers of an answer give for a
// relation (RFC 8288), the first that is an address of the web, made absolute by the document's address;
// "" if there is none.
func links(h http.Header, rel, base string) string {
	left := maxLinks
	for _, value := range h.Values("Link") {
		for value != "" && left > 0 {
			left--
			_, rest, ok := strings.Cut(value, "<")
			target, rest, ok2 := strings.Cut(rest, ">")
			if !ok || !ok2 {
				break
			}
			params := rest
			if next := strings.Index(rest, "<"); next >= 0 {
				params, value = rest[:next], rest[next:]
			} else {
				value = ""
			}
			for p := range strings.SplitSeq(params, ";") {
				name, v, _ := strings.Cut(strings.Trim(p, " ,"), "=")
				if !strings.EqualFold(strings.TrimSpace(name), "rel") {
					continue
				}
				for r := range strings.FieldsSeq(strings.Trim(strings.TrimSpace(v), `"`)) {
					if a := absolute(target, base); a != "" && strings.EqualFold(r, rel) {
						return a
					}
				}
			}
		}
	}
	return ""
}

// absolute makes an address of the web absolute, "" for any other and for one
// that is too long.
func absolute(target, base string) string {
	if target = strings.TrimSpace(target); target == "" {
		return ""
	}
	b, err := url.Parse(base)
	if err != nil {
		return ""
	}
	u, err := b.Parse(target)
	if err != nil || !fetchable(u) || len(u.String()) > maxField {
		return ""
	}
	return u.String()
}
