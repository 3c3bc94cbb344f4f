package run

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/millrace/millrace/apps/rss-articles/internal/fetch"
	"github.com/millrace/millrace/apps/rss-articles/internal/opml"
	"github.com/millrace/millrace/apps/rss-articles/internal/web"
)

// maxSource bounds a file of -feeds.
const maxSource = 64 << 20

// source is a feed to subscribe to.
type source struct {
	URL   string
	Title string
	File  bool // a feed document on the disk, which the fetcher must be allowed to read
}

// readSources finds the feeds that the values of -feeds name. All that is wrong
// is reported at once.
func readSources(values []string) (list []source, err error) {
	var errs []error
	seen := map[string]bool{}
	for _, value := range values {
		found, err := readSource(value)
		if err != nil {
			errs = append(errs, fmt.Errorf("-feeds %s: %w", value, err))
		}
		for _, s := range found {
			if !seen[s.URL] {
				seen[s.URL] = true
				list = append(list, s)
			}
		}
	}
	return list, errors.Join(errs...)
}

func readSource(value string) ([]source, error) {
	if strings.Contains(value, "://") {
		address, err := web.FeedURL(value)
		if err != nil {
			return nil, err
		}
		return []source{{URL: address}}, nil
	}
	f, err := os.Open(value)
	if err != nil {
		return nil, fmt.Errorf("neither an address nor a file that can be read: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSource+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxSource {
		return nil, fmt.Errorf("the file has more than %d MB", maxSource>>20)
	}
	head := bytes.TrimSpace(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")))
	switch {
	case bytes.Contains(head[:min(len(head), 4096)], []byte("<opml")):
		return fromOPML(b)
	case len(head) > 0 && bytes.IndexByte([]byte("<{[\x1f\xff\xfe\x00"), head[0]) >= 0:
		return fromFile(value)
	}
	return fromLines(string(head))
}

func fromOPML(b []byte) (list []source, err error) {
	feeds, err := opml.Read(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, f := range feeds.Feeds {
		address, err := web.FeedURL(f.URL)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		list = append(list, source{URL: address, Title: f.Title})
	}
	if len(list) == 0 {
		errs = append(errs, errors.New("the OPML document names no feed"))
	}
	return list, errors.Join(errs...)
}

// fromFile is a feed document on this machine's disk.
func fromFile(name string) ([]source, error) {
	u, err := fetch.FileURL(name)
	if err != nil {
		return nil, err
	}
	return []source{{URL: u, File: true}}, nil
}

// fromLines reads an address a line; empty lines and those that begin with #
// say nothing.
func fromLines(text string) (list []source, err error) {
	var errs []error
	for n, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		address, err := web.FeedURL(line)
		if err != nil {
			errs = append(errs, fmt.Errorf("line %d: %w", n+1, err))
			if len(errs) == 10 {
				break
			}
			continue
		}
		list = append(list, source{URL: address})
	}
	if len(list) == 0 && len(errs) == 0 {
		errs = append(errs, errors.New("the file is empty"))
	}
	return list, errors.Join(errs...)
}
