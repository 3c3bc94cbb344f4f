package fetch

import (
	"iter"
	"net/http"
	"strings"

	"github.com/millrace/millrace/apps/rss-articles/internal/sanitize"
)

// maxLinks bounds the links of headers that are looked at.
const maxLinks = 50

// links returns the address that the Link headers of an answer give for a
// relation (RFC 8288), made absolute by the document's address: the first that is
// an address of the web; "" if there is none.
func links(h http.Header, rel, base string) string {
	left := maxLinks
	for _, value := range h.Values("Link") {
		for target, params := range linkValues(value) {
			if left == 0 {
				return ""
			}
			left--
			if a := absolute(target, base); a != "" && related(params, rel) {
				return a
			}
		}
	}
	return ""
}

// linkValues are the links of a header: each target with the text of its
// parameters.
func linkValues(value string) iter.Seq2[string, string] {
	return func(yield func(target, params string) bool) {
		for {
			_, rest, ok := strings.Cut(value, "<")
			target, params, ended := strings.Cut(rest, ">")
			if !ok || !ended {
				return
			}
			if next := strings.IndexByte(params, '<'); next >= 0 {
				params, value = params[:next], params[next:]
			} else {
				value = ""
			}
			if !yield(target, params) {
				return
			}
		}
	}
}

// related says whether a link's parameters name a relation.
func related(params, rel string) bool {
	for p := range strings.SplitSeq(params, ";") {
		name, v, _ := strings.Cut(strings.Trim(p, " ,"), "=")
		if !strings.EqualFold(strings.TrimSpace(name), "rel") {
			continue
		}
		for r := range strings.FieldsSeq(strings.Trim(strings.TrimSpace(v), `"`)) {
			if strings.EqualFold(r, rel) {
				return true
			}
		}
	}
	return false
}

// absolute makes an address of the web absolute, "" for any other and for one
// that is too long.
func absolute(target, base string) string {
	u := sanitize.Resolve(target, base)
	if u == nil || !fetchable(u) || len(u.String()) > maxField {
		return ""
	}
	return u.String()
}
