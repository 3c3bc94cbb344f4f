package eval

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
)

// record is a line of any of the formats.
type record struct {
	Set     string   `json:"set"`
	ID      string   `json:"id"`
	Cluster string   `json:"cluster"`
	Title   string   `json:"title"`
	Text    string   `json:"text"`
	URL     string   `json:"url"`
	A       string   `json:"a"`
	B       string   `json:"b"`
	Label   any      `json:"label"` // a number for pairs, a name for topics
	Labels  []string `json:"labels"`
	Score   *float64 `json:"score"`
}

// maxLine bounds a line of input.
const maxLine = 16 << 20

// set is the records of one set, in the order of the files.
type set struct {
	name    string
	records []record
}

// read reads files of JSON lines, gzipped or not, by their sets.
func read(in []io.Reader) ([]*set, error) {
	var sets []*set
	byName := map[string]*set{}
	for n, r := range in {
		b := bufio.NewReader(r)
		if magic, _ := b.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
			z, err := gzip.NewReader(b)
			if err != nil {
				return nil, fmt.Errorf("file %d: %w", n+1, err)
			}
			b = bufio.NewReader(z)
		}
		lines := bufio.NewScanner(b)
		lines.Buffer(nil, maxLine)
		for line := 1; lines.Scan(); line++ {
			var rec record
			if len(bytes.TrimSpace(lines.Bytes())) == 0 {
				continue
			}
			if err := json.Unmarshal(lines.Bytes(), &rec); err != nil {
				return nil, fmt.Errorf("file %d, line %d: %w; each line should be a JSON object", n+1, line, err)
			}
			s := byName[rec.Set]
			if s == nil {
				s = &set{name: rec.Set}
				byName[rec.Set] = s
				sets = append(sets, s)
			}
			s.records = append(s.records, rec)
		}
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("file %d: %w", n+1, err)
		}
	}
	return sets, nil
}

// topics are the names that a document is labelled with.
func (r record) topics() []string {
	if len(r.Labels) > 0 {
		return r.Labels
	}
	if s, ok := r.Label.(string); ok && s != "" {
		return []string{s}
	}
	return nil
}

// same says whether the two of a pair belong together.
func (r record) same() bool {
	if r.Score != nil {
		return *r.Score >= 4.5
	}
	n, _ := r.Label.(float64)
	return n >= 1
}
