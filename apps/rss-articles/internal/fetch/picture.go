package fetch

import "context"

// Pictures fetches pictures for readers who want to see them, by the rules for
// feeds: the same bounds on time and redirects, the same ban on addresses that are
// not public, robots.txt if that is asked for. It is safe for concurrent use.
type Pictures struct {
	f     *Fetcher
	owned bool
}

// maxPicture bounds a picture in bytes.
const maxPicture = 8 << 20

// NewPictures returns one that is configured like a fetcher. Store and Sink are
// not used, and MaxBody is 8 MiB.
func NewPictures(c Config) *Pictures {
	p := &Pictures{owned: c.Transport == nil}
	c = c.withDefaults()
	c.MaxBody = maxPicture
	p.f = &Fetcher{cfg: c, parsing: make(chan struct{}, 1)}
	return p
}

// Get fetches a document that should be a picture. The error is for people: it
// names the thing and the remedy.
func (p *Pictures) Get(ctx context.Context, url string) ([]byte, error) {
	if fail := p.f.permitted(ctx, url); fail != nil {
		return nil, fail
	}
	a, fail := p.f.get(ctx, request{url: url, accept: "image/webp, image/png, image/jpeg, image/gif"})
	if fail != nil {
		return nil, fail
	}
	return a.body, nil
}

// Close closes connections that are idle.
func (p *Pictures) Close() error {
	if p.owned {
		closeIdle(p.f.cfg.Transport)
	}
	return nil
}
