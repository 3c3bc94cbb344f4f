package sample

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
	"time"
)

//go:embed data/*.txt
var data embed.FS

// story is an item as its source file has it. Stories are separated by empty
// lines; the first line holds slug, age in hours ("-": no date), tags, and
// optionally author and words of the form late=SECONDS, kind=KIND,
// copy=FEED/SLUG, retitle=SLUG and link=SUFFIX; the second is the title, the
// third the text. A copy has instead of a text changes of the original's:
//
//	~ old => new   replaces
//	+ text         appends
//
// A copy of kind exact or tracking has neither title nor changes.
type story struct {
	feed     Feed
	slug     string
	age      time.Duration
	dated    bool
	tags     []string
	author   string
	late     time.Duration // after the start of the handler
	kind     Kind
	original string // feed/slug, of a copy
	retitles string // slug of the item that this one replaces, in the same feed
	suffix   string // of the link
	title    string
	text     string
	changes  []string
}

func (s *story) key() string { return s.feed.name + "/" + s.slug }

func (s *story) link() string { return s.feed.Site + "/stories/" + s.slug }

// load reads the stories of all feeds, copies filled in. The sources are
// embedded: its error is a mistake in them, which the tests find.
func load() (map[string][]*story, error) {
	all := map[string]*story{}
	byFeed := map[string][]*story{}
	for _, f := range Feeds() {
		b, err := data.ReadFile("data/" + f.name + ".txt")
		if err != nil {
			return nil, fmt.Errorf("sample: %w", err)
		}
		for _, block := range strings.Split(strings.TrimSpace(string(b)), "\n\n") {
			s, err := parseStory(f, strings.Split(block, "\n"))
			if err != nil {
				return nil, fmt.Errorf("sample: data/%s.txt: %w", f.name, err)
			}
			if all[s.key()] != nil {
				return nil, fmt.Errorf("sample: data/%s.txt: two stories %s", f.name, s.slug)
			}
			all[s.key()] = s
			byFeed[f.name] = append(byFeed[f.name], s)
		}
	}
	for _, s := range all {
		if err := s.fill(all); err != nil {
			return nil, fmt.Errorf("sample: %s: %w", s.key(), err)
		}
	}
	return byFeed, nil
}

func parseStory(f Feed, lines []string) (*story, error) {
	head := strings.Split(lines[0], " | ")
	if len(head) < 3 {
		return nil, fmt.Errorf("%q: want slug, age and tags", lines[0])
	}
	s := &story{feed: f, slug: head[0], dated: head[1] != "-", tags: strings.Split(head[2], ", ")}
	if s.dated {
		hours, err := strconv.ParseFloat(head[1], 64)
		if err != nil {
			return nil, fmt.Errorf("%s: age: %w", s.slug, err)
		}
		s.age = time.Duration(hours * float64(time.Hour))
	}
	if len(head) > 3 {
		s.author = head[3]
	}
	for _, word := range strings.Fields(strings.Join(head[min(4, len(head)):], " ")) {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "late":
			seconds, err := strconv.Atoi(value)
			if err != nil {
				return nil, fmt.Errorf("%s: late: %w", s.slug, err)
			}
			s.late = time.Duration(seconds) * time.Second
		case "kind":
			s.kind = Kind(value)
		case "copy":
			s.original = value
		case "retitle":
			s.kind, s.retitles = Retitled, value
		case "link":
			s.suffix = value
		default:
			return nil, fmt.Errorf("%s: %q is not known", s.slug, word)
		}
	}
	for i, line := range lines[1:] {
		switch {
		case strings.HasPrefix(line, "~ "), strings.HasPrefix(line, "+ "):
			s.changes = append(s.changes, line)
		case i == 0:
			s.title = line
		case i == 1:
			s.text = line
		default:
			return nil, fmt.Errorf("%s: a line too many: %q", s.slug, line)
		}
	}
	return s, nil
}

// fill gives a copy what it has of its original.
func (s *story) fill(all map[string]*story) error {
	key := s.original
	if s.retitles != "" {
		key = s.feed.name + "/" + s.retitles
	}
	if key == "" {
		if s.title == "" || s.text == "" {
			return fmt.Errorf("no title or text")
		}
		return nil
	}
	o := all[key]
	if o == nil || o.text == "" || o.late > 0 {
		return fmt.Errorf("its original %q is missing, a copy or late", key)
	}
	if s.title == "" {
		s.title = o.title
	}
	s.text = o.text
	for _, c := range s.changes {
		op, rest := c[:2], c[2:]
		if op == "+ " {
			s.text += " " + rest
			continue
		}
		old, with, ok := strings.Cut(rest, " =>")
		if !ok || !strings.Contains(s.text, old) {
			return fmt.Errorf("its original has no %q", old)
		}
		s.text = strings.Replace(s.text, old, strings.TrimSpace(with), 1)
	}
	s.text = strings.Join(strings.Fields(s.text), " ")
	return nil
}
