package clean

import (
	"net/url"
	"path"
	"strings"

	"golang.org/x/net/idna"
)

// tracking are parameters that say how a reader came, not what is read.
var tracking = map[string]bool{
	"fbclid": true, "gclid": true, "dclid": true, "gbraid": true, "wbraid": true, "msclkid": true, "yclid": true, "twclid": true,
	"igshid": true, "mc_cid": true, "mc_eid": true, "_hsenc": true, "_hsmi": true, "mkt_tok": true, "cmpid": true, "cmp": true,
	"ncid": true, "sr_share": true, "smid": true, "smtyp": true, "partner": true, "emc": true, "rss": true, "ref_src": true,
	"ref_url": true, "spm": true, "share_token": true, "from_source": true, "scm": true, "wt_mc": true, "wtmc": true,
	"xtor": true, "ns_mchannel": true, "ns_source": true, "ns_campaign": true, "ns_linkname": true, "ns_fee": true, "ocid": true,
	"feedtype": true, "feedname": true, "traffic_source": true, "at_medium": true, "at_campaign": true, "at_custom1": true,
	"at_custom2": true, "at_custom3": true, "at_custom4": true, "at_bbc_team": true, "at_link_id": true, "at_link_type": true,
	"at_link_origin": true, "at_format": true, "at_ptr_name": true, "icid": true, "iid": true, "trk": true, "__twitter_impression": true,
	"amp_js_v": true, "amp_gsa": true, "usqp": true, // of those who show AMP pages
}

// trackingPrefixes begin families of such parameters.
var trackingPrefixes = []string{"utm_", "pk_", "piwik_", "mtm_", "hsa_", "oly_", "vero_"}

// Canonical returns the one form of an article's many addresses: without what
// tracks, without the fragment, with the parameters sorted, on https and the
// main host. It is "" for what is no web address, and its own canonical form.
//
// Of the pages that only lead elsewhere and say where in a parameter, such as
// www.google.com/url, it is the address that they lead to, and of a cache of AMP
// pages the address of the page.
//
// AMP and mobile addresses are taken for the article's own: amp.example.org,
// m.example.org and en.m.example.org are example.org and en.example.org, and amp
// at the beginning or the end of a path goes.
func Canonical(link string) string {
	u, err := url.Parse(strings.TrimSpace(link))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || len(link) > 4096 {
		return ""
	}
	u = target(u)
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		host = ascii
	}
	for {
		rest, ok := cutHost(host)
		if !ok {
			break
		}
		host = rest
	}
	if host == "" {
		return ""
	}
	if port := u.Port(); port != "" && port != "80" && port != "443" {
		host += ":" + port
	}
	c := url.URL{Scheme: "https", Host: host, Path: cleanPath(u.Path)}
	if strings.Contains(u.Hostname(), ":") { // an IPv6 address
		c.Host = strings.ToLower(u.Host)
	}
	q := u.Query()
	for name := range q {
		if isTracking(name) || name == "amp" || (name == "outputType" && q.Get(name) == "amp") {
			q.Del(name)
		}
	}
	c.RawQuery = q.Encode() // sorted
	return c.String()
}

// cutHost takes off a label that does not change what is meant.
func cutHost(host string) (string, bool) {
	for _, label := range []string{"www.", "m.", "mobile.", "amp."} {
		if rest, ok := strings.CutPrefix(host, label); ok && strings.Contains(rest, ".") {
			return rest, true
		}
	}
	// en.m.wikipedia.org, but not x.m.org, whose name it is.
	if first, rest, ok := strings.Cut(host, ".m."); ok && strings.Count(rest, ".") > 0 && !strings.Contains(first, ".") {
		return first + "." + rest, true
	}
	return host, false
}

func cleanPath(p string) string {
	if p == "" {
		return "/"
	}
	p = path.Clean("/" + p)
	for before := ""; before != p; { // one ending may hide another
		before = p
		for _, end := range []string{"/amp", "/amp.html", ".amp.html", ".amp", "/index.html", "/index.htm", "/index.php"} {
			p = strings.TrimSuffix(p, end)
		}
		if rest, ok := strings.CutPrefix(p, "/amp/"); ok {
			p = "/" + rest
		}
		p = path.Clean("/" + p) // a name may have been nothing but an ending
	}
	return p
}

func isTracking(name string) bool {
	name = strings.ToLower(name)
	if tracking[name] {
		return true
	}
	for _, p := range trackingPrefixes {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}
