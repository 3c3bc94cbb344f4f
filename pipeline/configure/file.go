package configure

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds the bytes of a file.
const maxFile = 1 << 20

// entry is a setting in a file.
type entry struct {
	key  string
	line int
	text string
	bad  string // what is wrong with it
}

// readFile reads a file's settings.
func readFile(path string) ([]entry, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	return parse(b)
}

// parse reads YAML: a mapping of settings, those of a group below its name.
func parse(b []byte) ([]entry, error) {
	if len(b) > maxFile {
		return nil, fmt.Errorf("it has more than %d bytes: that is no configuration", maxFile)
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	var doc yaml.Node
	if err := d.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil // empty
	} else if err != nil {
		return nil, err
	}
	if err := d.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more than one document")
	}
	if len(doc.Content) == 0 || null(doc.Content[0]) {
		return nil, nil
	}
	if doc.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("it is not a mapping of settings to values, such as \"client-id: orders\"")
	}
	var entries []entry
	seen := map[string]int{}
	var walk func(n *yaml.Node, prefix string)
	walk = func(n *yaml.Node, prefix string) {
		for i := 0; i+1 < len(n.Content); i += 2 {
			k, v := n.Content[i], n.Content[i+1]
			e := entry{key: prefix + k.Value, line: k.Line}
			if first, ok := seen[e.key]; ok {
				e.bad = fmt.Sprintf("it is set in line %d already", first)
				entries = append(entries, e)
				continue
			}
			seen[e.key] = k.Line
			switch {
			case null(v):
				continue
			case v.Kind == yaml.MappingNode && prefix == "":
				walk(v, e.key+".")
				continue
			case v.Kind == yaml.ScalarNode:
				e.text = v.Value
			case v.Kind == yaml.SequenceNode:
				e.text, e.bad = list(v)
			default:
				e.bad = "it is neither a value nor a list of values"
			}
			entries = append(entries, e)
		}
	}
	walk(doc.Content[0], "")
	return entries, nil
}

func null(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func list(n *yaml.Node) (text, bad string) {
	var items []string
	for _, i := range n.Content {
		if i.Kind != yaml.ScalarNode || strings.Contains(i.Value, ",") {
			return "", "an item of the list is not a plain value without a comma"
		}
		items = append(items, i.Value)
	}
	return strings.Join(items, ","), ""
}
