package report

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	got := Lines("cost <of keys>", []Series{
		{Name: "millrace", Ours: true, Points: []Point{{1, 1, "1"}, {10, 2, "10"}, {100, 4, "100"}}},
		{Name: "other", Points: []Point{{1, 2, "1"}, {100, 4, "100"}}},
		{Name: "nothing"},
	})
	for _, want := range []string{
		`points="60.0,186.0 270.0,136.0 480.0,36.0"`, // the middle of a logarithmic axis
		`points="60.0,136.0 480.0,36.0"`,
		`cost &lt;of keys&gt;`,
		`y="40.0" fill="#2a7ae2">millrace<`, `y="54.0" fill="#888">other<`, // names do not meet
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in:\n%s", want, got)
		}
	}
	if n := strings.Count(got, ">100</text>"); n != 1 {
		t.Errorf("a place is labelled %d times", n)
	}
	for name, svg := range map[string]string{"lines": got, "empty": Lines("", nil), "one": Lines("", []Series{{Points: []Point{{5, 0, "5"}}}}),
		"bars": bars("a & b", []bar{{"<x>", 2, true}}, true), "no bars": bars("", nil, true)} {
		d := xml.NewDecoder(strings.NewReader(svg))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Errorf("%s: %v", name, err)
				break
			}
		}
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
			t.Errorf("%s: %s", name, svg)
		}
	}
}
