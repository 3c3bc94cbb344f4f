package parse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/feed"
	"github.com/millrace/millrace/apps/rss-articles/internal/fetch"
)

// Options say how to read.
type Options struct {
	Fetch fetch.Config     // how addresses are fetched; Store and Sink are not used
	Now   func() time.Time // default time.Now
}

// line is a line of output.
type line struct {
	File      string    `json:"file"`
	ID        string    `json:"id"`
	URL       string    `json:"url"`
	Title     string    `json:"title"`
	Text      string    `json:"text"`
	Published time.Time `json:"published"` // now, if the feed has no date
	Lang      string    `json:"lang"`
	Author    string    `json:"author"`
	Tags      []string  `json:"tags"`
}

// failed is a line for what cannot be read.
type failed struct {
	File  string `json:"file"`
	Error string `json:"error"`
}

// Run reads each argument, a file or a web address, and prints its items. It
// returns the exit code: 0, 1 if a document could not be read or the output not
// be written, or 2 without arguments.
func Run(ctx context.Context, args []string, stdout io.Writer, o Options) int {
	if len(args) == 0 {
		fmt.Fprintln(stdout, `{"file":"","error":"no file and no address: rss-articles parse FILE|URL..."}`)
		return 2
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	out := json.NewEncoder(stdout)
	out.SetEscapeHTML(false)
	code := 0
	for _, arg := range args {
		err := o.print(ctx, arg, out)
		if err == nil {
			continue
		}
		code = 1
		if errors.Is(err, errOutput) || out.Encode(failed{arg, err.Error()}) != nil {
			break // nobody reads on
		}
	}
	return code
}

var errOutput = errors.New("the output cannot be written")

func (o Options) print(ctx context.Context, arg string, out *json.Encoder) error {
	f, err := o.read(ctx, arg)
	if err != nil {
		return err
	}
	now, shared := o.Now(), clean.SharedBy(f.Items)
	for _, i := range f.Items {
		a, err := clean.Clean(clean.Raw{Feed: arg, FeedTitle: f.Title, Fetched: now, Item: i, Part: shared.Part(i)})
		if errors.Is(err, clean.ErrNothing) {
			continue // the pipeline sets it aside
		}
		if err != nil {
			return err
		}
		l := line{arg, a.ID, a.URL, a.Title, a.Text, a.Published, a.Lang, a.Author, a.Tags}
		if l.Tags == nil {
			l.Tags = []string{}
		}
		if err := out.Encode(l); err != nil {
			return fmt.Errorf("%w: %w", errOutput, err)
		}
	}
	return nil
}

const maxBytes = 10 << 20

func (o Options) read(ctx context.Context, arg string) (*feed.Feed, error) {
	if strings.HasPrefix(arg, "http://") || strings.HasPrefix(arg, "https://") {
		return fetch.Once(ctx, o.Fetch, arg)
	}
	info, err := os.Stat(arg) // before opening: a pipe may never end
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("there is no such file: name a file, or an address that begins with http:// or https://")
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, errors.New("it is a folder: name the files in it")
	}
	file, err := os.Open(arg)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	if err != nil {
		return nil, err
	}
	return feed.Parse(b, feed.Hints{Now: o.Now(), Limits: feed.Limits{Bytes: maxBytes}})
}
