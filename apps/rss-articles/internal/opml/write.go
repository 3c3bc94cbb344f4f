package opml

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

type document struct {
	XMLName xml.Name  `xml:"opml"`
	Version string    `xml:"version,attr"`
	Title   string    `xml:"head>title"`
	Created string    `xml:"head>dateCreated,omitempty"`
	Body    []outline `xml:"body>outline"`
}

type outline struct {
	Text    string    `xml:"text,attr"`
	Title   string    `xml:"title,attr,omitempty"`
	Type    string    `xml:"type,attr,omitempty"`
	XMLURL  string    `xml:"xmlUrl,attr,omitempty"`
	HTMLURL string    `xml:"htmlUrl,attr,omitempty"`
	Inner   []outline `xml:"outline"`
}

// Write writes a list as OPML 2.0. Feeds of one folder stand together, where
// the first of them stood. created may be zero.
func Write(w io.Writer, l List, created time.Time) error {
	d := document{Version: "2.0", Title: l.Title}
	if !created.IsZero() {
		d.Created = created.UTC().Format(time.RFC1123Z)
	}
	for _, f := range l.Feeds {
		into := &d.Body
		for _, name := range f.Folder[:min(len(f.Folder), MaxDepth/2)] {
			i := slices.IndexFunc(*into, func(o outline) bool { return o.XMLURL == "" && o.Text == name })
			if i < 0 {
				*into = append(*into, outline{Text: name})
				i = len(*into) - 1
			}
			into = &(*into)[i].Inner
		}
		title := f.Title
		if title == "" {
			title = f.URL
		}
		*into = append(*into, outline{Text: title, Title: f.Title, Type: "rss", XMLURL: f.URL, HTMLURL: f.Site})
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	e := xml.NewEncoder(&b)
	e.Indent("", "  ")
	if err := e.Encode(d); err != nil {
		return fmt.Errorf("opml: %w", err)
	}
	b.WriteByte('\n')
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("opml: %w", err)
	}
	return nil
}

// FolderName is a folder's names as one line: "News/Europe".
func (f Feed) FolderName() string { return strings.Join(f.Folder, "/") }
