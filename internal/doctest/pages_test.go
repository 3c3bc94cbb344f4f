package doctest

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the code of the pages anew from its sources")

// root is the module's folder, seen from this package's.
const root = "../.."

// pages are all Markdown files, relative to root.
func pages(t *testing.T) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != root || d.Name() == "node_modules"):
			if d.Name() != ".." {
				return filepath.SkipDir
			}
		case strings.HasSuffix(path, ".md"):
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			paths = append(paths, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) < 5 {
		t.Fatalf("only %d pages found: %q", len(paths), paths)
	}
	return paths
}

// block is a block of code with its source: the comment, the fence, the code.
var block = regexp.MustCompile("(?s)(<!-- code: (\\S+) -->\n```\\w*\n)(.*?)(```\n)")

func TestCodeIsFromFilesThatRun(t *testing.T) {
	found := 0
	for _, page := range pages(t) {
		text, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Fatal(err)
		}
		fresh := block.ReplaceAllStringFunc(string(text), func(b string) string {
			found++
			m := block.FindStringSubmatch(b)
			code, err := source(m[2])
			if err != nil {
				t.Errorf("%s: %v", page, err)
				return b
			}
			if code != m[3] && !*update {
				t.Errorf("%s: the code from %s is out of date; run go test ./internal/doctest -update", page, m[2])
			}
			return m[1] + code + m[4]
		})
		if *update && fresh != string(text) {
			if err := os.WriteFile(filepath.Join(root, page), []byte(fresh), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if found == 0 {
		t.Error("no page has code from a file")
	}
}

// source returns the code that PATH or PATH#PART stands for.
func source(ref string) (string, error) {
	path, part, parted := strings.Cut(ref, "#")
	b, err := os.ReadFile(filepath.Join(root, path))
	if err != nil || !parted {
		return string(b), err
	}
	_, rest, ok := strings.Cut(string(b), "// doc: "+part+"\n")
	if !ok {
		return "", fmt.Errorf("%s has no part %q", path, part)
	}
	code, _, ok := strings.Cut(rest, "// end\n")
	if !ok {
		return "", fmt.Errorf("%s: part %q has no end", path, part)
	}
	return dedent(strings.Trim(strings.TrimRight(code, "\t"), "\n")) + "\n", nil
}

// dedent takes the tabs away that the first line begins with.
func dedent(code string) string {
	tabs := code[:len(code)-len(strings.TrimLeft(code, "\t"))]
	lines := strings.Split(code, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, tabs)
	}
	return strings.Join(lines, "\n")
}

// Every block of Go code says which file it is from.
func TestGoCodeHasASource(t *testing.T) {
	for _, page := range pages(t) {
		text, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Fatal(err)
		}
		rest := block.ReplaceAllString(string(text), "")
		if i := strings.Index(rest, "```go"); i >= 0 {
			t.Errorf("%s: this code is from no file that is built:\n%.200s", page, rest[i:])
		}
	}
}

// link is a Markdown link.
var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestLinksLeadSomewhere(t *testing.T) {
	for _, page := range pages(t) {
		text, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			path := filepath.Join(root, filepath.Dir(page), target)
			if target == "" {
				path = filepath.Join(root, page)
			}
			b, err := os.ReadFile(path)
			if st, serr := os.Stat(path); serr != nil {
				t.Errorf("%s: link to %s: %v", page, m[1], serr)
				continue
			} else if st.IsDir() {
				continue
			}
			if err == nil && anchor != "" && strings.HasSuffix(path, ".md") && !anchors(string(b))[anchor] {
				t.Errorf("%s: link to %s: no such heading", page, m[1])
			}
		}
	}
}

var heading = regexp.MustCompile(`(?m)^#+ +(.+)$`)

// anchors are the headings of a page as links name them.
func anchors(text string) map[string]bool {
	names := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		name := strings.ToLower(strings.TrimSpace(m[1]))
		name = regexp.MustCompile(`[^\p{L}\p{N}\s_-]`).ReplaceAllString(name, "")
		names[strings.ReplaceAll(name, " ", "-")] = true
	}
	return names
}
