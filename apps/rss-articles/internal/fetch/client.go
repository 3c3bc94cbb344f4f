package fetch

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	maxRedirects = 10
	maxValidator = 512 // bytes of an ETag or Last-Modified that is kept
	maxRetry     = 7 * 24 * time.Hour
)

// request asks for a document, unless it is still what the validators name.
type request struct {
	url, etag, lastModified string
	accept                  string // default: feeds
}

const acceptFeeds = "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5"

// answer is what came back: a document, or that it has not changed.
type answer struct {
	url         string // where the document came from, after redirects
	moved       string // where the feed moved to for good, "" if it did not
	unchanged   bool
	body        []byte
	contentType string
	etag        string
	modified    string
	fresh       time.Duration // from Cache-Control or Expires
	hub, self   string        // of the Link headers (WebSub)
}

// get makes one conditional request. Its failures are of type *failure.
func (f *Fetcher) get(ctx context.Context, r request) (*answer, *failure) {
	ctx, cancel := context.WithTimeout(ctx, f.cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil || !fetchable(req.URL) {
		return nil, &failure{what: fmt.Sprintf("%q is no web address", r.url), remedy: "a feed's address begins with http:// or https://", err: err}
	}
	at := show(req.URL)
	req.Header.Set("Accept", cmp.Or(r.accept, acceptFeeds))
	req.Header.Set("Accept-Encoding", "gzip, br, deflate")
	if r.etag != "" {
		req.Header.Set("If-None-Match", r.etag)
	}
	if r.lastModified != "" {
		req.Header.Set("If-Modified-Since", r.lastModified)
	}

	resp, hops, err := f.do(req)
	if err != nil {
		return nil, explain(err, at, f.cfg.Timeout, f.cfg.MaxBody)
	}
	defer resp.Body.Close()

	a := &answer{url: resp.Request.URL.String(), moved: hops.permanent}
	if a.url != r.url {
		at = show(resp.Request.URL)
	}
	a.etag = header(resp.Header, "ETag")
	a.modified = header(resp.Header, "Last-Modified")
	a.contentType = header(resp.Header, "Content-Type")
	a.fresh = freshness(resp.Header, f.cfg.Now())
	a.hub, a.self = links(resp.Header, "hub", a.url), links(resp.Header, "self", a.url)
	switch {
	case resp.StatusCode == http.StatusNotModified && (r.etag != "" || r.lastModified != ""):
		a.unchanged = true
		return a, nil
	case resp.StatusCode != http.StatusOK:
		return nil, refused(resp.StatusCode, at, retryAfter(resp.Header, f.cfg.Now()))
	}
	if a.body, err = readBody(resp.Body, resp.Header.Get("Content-Encoding"), f.cfg.MaxBody); err != nil {
		return nil, explain(err, at, f.cfg.Timeout, f.cfg.MaxBody)
	}
	return a, nil
}

// do sends a request in the fetcher's name, and follows its redirects.
func (f *Fetcher) do(req *http.Request) (*http.Response, *redirects, error) {
	req.Header.Set("User-Agent", f.cfg.UserAgent)
	hops := &redirects{}
	client := http.Client{Transport: f.cfg.Transport, CheckRedirect: hops.check}
	resp, err := client.Do(req)
	return resp, hops, err
}

func fetchable(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

// show is an address for people: without password, and of bounded length.
func show(u *url.URL) string {
	s := u.Redacted()
	if len(s) > 200 {
		s = s[:200] + "..."
	}
	return s
}

// redirects follows the redirects of one request.
type redirects struct {
	temporary bool   // one of them was, so what follows is not for good
	permanent string // where the permanent ones lead
}

func (h *redirects) check(req *http.Request, via []*http.Request) error {
	if !fetchable(req.URL) {
		return fmt.Errorf("%w: %.100s", errScheme, req.URL.Redacted())
	}
	if len(via) > maxRedirects {
		return errTooMany
	}
	for _, v := range via {
		if v.URL.String() == req.URL.String() {
			return errCircle
		}
	}
	switch status := req.Response.StatusCode; {
	case status != http.StatusMovedPermanently && status != http.StatusPermanentRedirect:
		h.temporary = true
	case !h.temporary:
		h.permanent = req.URL.String()
	}
	return nil
}

func header(h http.Header, name string) string {
	v := strings.ToValidUTF8(h.Get(name), "")
	if len(v) > maxValidator {
		return ""
	}
	return v
}

// freshness is how long the answer stays fresh (RFC 9111, 4.2.1), 0 if it does
// not say.
func freshness(h http.Header, now time.Time) time.Duration {
	for _, d := range strings.Split(strings.ToLower(strings.Join(h.Values("Cache-Control"), ",")), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(d), "=")
		switch name {
		case "no-cache", "no-store":
			return 0
		case "max-age":
			seconds, err := strconv.Atoi(strings.Trim(value, `"`))
			if err != nil || seconds < 0 {
				return 0
			}
			age, _ := strconv.Atoi(h.Get("Age"))
			return max(0, time.Duration(min(seconds, 1<<30)-max(0, min(age, 1<<30)))*time.Second)
		}
	}
	expires, err := http.ParseTime(h.Get("Expires"))
	if err != nil {
		return 0
	}
	from := now
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		from = date // both by the server's clock
	}
	return max(0, expires.Sub(from))
}

// retryAfter is how long a server asks to wait (RFC 9110, 10.2.3), 0 if it does
// not, and at most maxRetry.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.Atoi(v); err == nil {
		return min(time.Duration(max(0, min(seconds, 1<<30)))*time.Second, maxRetry)
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(0, at.Sub(now)), maxRetry)
	}
	return 0
}
