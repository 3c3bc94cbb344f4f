package sanitize

import "strings"

// Node is an element to make, or a text.
type Node struct {
	Text  string `json:"text,omitempty"`
	Name  string `json:"name,omitempty"` // of the element
	Link  string `json:"link,omitempty"` // of an a
	Nodes []Node `json:"nodes,omitempty"`
}

// maxNodes bounds a tree.
const maxNodes = 5000

// Tree returns what HTML returned, sanitised once more, as elements to make.
func Tree(s string) []Node {
	b := builder{stack: []*Node{{}}}
	walk(policy().Sanitize(bounded(s)), "", &b)
	return b.stack[0].Nodes
}

// Lines returns a plain text as a paragraph for each line.
func Lines(s string) (list []Node) {
	for line := range strings.SplitSeq(bounded(s), "\n") {
		if line = strings.TrimSpace(line); line != "" && len(list) < maxNodes {
			list = append(list, Node{Name: "p", Nodes: []Node{{Text: line}}})
		}
	}
	return list
}

// builder is a sink of nodes. Those in the stack are put into their parents
// when they close.
type builder struct {
	stack []*Node
	nodes int
	bytes int
}

func (b *builder) open(element, link string) {
	b.stack = append(b.stack, &Node{Name: element, Link: link})
	b.bytes += len(element) + len(link)
}

func (b *builder) close(string) {
	last := len(b.stack) - 1
	n := b.stack[last]
	b.stack = b.stack[:last]
	b.add(*n)
}

func (b *builder) void(element string) { b.add(Node{Name: element}) }

func (b *builder) text(s string) {
	if s != "" {
		b.add(Node{Text: s})
	}
	b.bytes += len(s)
}

func (b *builder) add(n Node) {
	top := b.stack[len(b.stack)-1]
	top.Nodes = append(top.Nodes, n)
	b.nodes++
}

// size counts many empty elements as much.
func (b *builder) size() int { return max(b.bytes, b.nodes*maxHTML/maxNodes) }
