package feed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/mmcdole/gofeed"
)

// parseJSON reads a JSON Feed. Publishers get the types wrong: what should be
// a list and is one value becomes a list of it, numbers become strings.
func parseJSON(text []byte, maxDepth int) (*gofeed.Feed, error) {
	switch deep, values := jsonSize(text); {
	case deep > maxDepth:
		return nil, fmt.Errorf("%w: more than %d", ErrTooDeep, maxDepth)
	case values > maxElements:
		return nil, fmt.Errorf("%w: more than %d values", ErrTooLarge, maxElements)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var doc map[string]any
	if err := d.Decode(&doc); err != nil {
		if text[0] == '[' {
			return nil, fmt.Errorf("%w: a JSON list", ErrNotAFeed)
		}
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	version, _ := doc["version"].(string)
	items, ok := doc["items"].([]any)
	if !strings.Contains(version, "jsonfeed.org") || !ok && doc["items"] != nil {
		return nil, fmt.Errorf("%w: JSON that is not JSON Feed", ErrNotAFeed)
	}
	mendJSON(doc)
	for _, i := range items {
		if item, ok := i.(map[string]any); ok {
			mendJSON(item)
		}
	}
	mended, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return parse(mended)
}

func mendJSON(m map[string]any) {
	for _, k := range []string{"id", "url", "external_url", "title", "content_html", "content_text", "summary",
		"date_published", "date_modified", "home_page_url", "feed_url", "language", "description", "image", "icon"} {
		switch v := m[k].(type) {
		case nil, string:
		case json.Number:
			m[k] = v.String()
		case bool:
			m[k] = strconv.FormatBool(v)
		default:
			delete(m, k)
		}
	}
	switch v := m["tags"].(type) {
	case string:
		m["tags"] = []any{v}
	case []any:
		kept := []any{}
		for _, t := range v {
			if s, ok := t.(string); ok {
				kept = append(kept, s)
			}
		}
		m["tags"] = kept
	default:
		delete(m, "tags")
	}
	if s, ok := m["author"].(string); ok {
		m["author"] = map[string]any{"name": s}
	}
	switch v := m["authors"].(type) {
	case map[string]any:
		m["authors"] = []any{v}
	case string:
		m["authors"] = []any{map[string]any{"name": v}}
	}
	if _, ok := m["attachments"].([]any); !ok {
		delete(m, "attachments")
	}
}

// jsonSize returns how deeply objects and lists are nested, and how many values
// there are, about.
func jsonSize(b []byte) (most, values int) {
	now, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			now++
			most = max(most, now)
		case c == '}' || c == ']':
			now--
		case c == ',' || c == ':':
			values++
		}
	}
	return most, values
}
