package fetch

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// FileURL is the address of a local feed document, for Config.Files and a
// subscription: "file:///home/ada/news.xml".
func FileURL(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("feed file %s: %w", path, err)
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(abs)}).String(), nil
}

func isFile(feed string) bool { return strings.HasPrefix(feed, "file:") }

// read is get for a local document.
func (f *Fetcher) read(r request) (*answer, *failure) {
	if !slices.Contains(f.cfg.Files, r.url) {
		return nil, &failure{what: fmt.Sprintf("%.200s is a local file that was not named at the start", r.url), remedy: "name it with -feeds, or remove the subscription"}
	}
	u, err := url.Parse(r.url)
	if err != nil {
		return nil, &failure{what: fmt.Sprintf("%.200q is no address of a file", r.url), remedy: "name it with -feeds", err: err}
	}
	path := filepath.FromSlash(u.Path)
	fail := func(what, remedy string, err error) (*answer, *failure) {
		return nil, &failure{what: "file " + path + " " + what, remedy: remedy, err: err}
	}
	info, err := os.Stat(path) // before opening: a pipe would hang
	switch {
	case err != nil:
		return fail(fmt.Sprintf("cannot be read (%v)", lastPath(err)), "check the path; "+later, err)
	case !info.Mode().IsRegular():
		return fail("is no regular file", "name a feed document", nil)
	}
	a := &answer{url: r.url, modified: info.ModTime().UTC().Format(http.TimeFormat)}
	if a.modified == r.lastModified && fmt.Sprint(info.Size()) == r.etag {
		a.unchanged = true
		return a, nil
	}
	a.etag = fmt.Sprint(info.Size())
	file, err := os.Open(path)
	if err != nil {
		return fail(fmt.Sprintf("cannot be read (%v)", lastPath(err)), "check its permissions; "+later, err)
	}
	defer file.Close()
	if a.body, err = io.ReadAll(&bounded{r: file, left: f.cfg.MaxBody}); err != nil {
		return fail(fmt.Sprintf("cannot be read (%v)", lastPath(err)), "it must be a feed document of less than "+fmt.Sprint(f.cfg.MaxBody)+" bytes", err)
	}
	return a, nil
}

func lastPath(err error) error {
	if p, ok := err.(*os.PathError); ok {
		return p.Err
	}
	return err
}
