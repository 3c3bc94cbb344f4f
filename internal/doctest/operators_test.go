package doctest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every operator, aggregation and kind of window has an example that runs, a
// benchmark, and in docs/operators.md a row of the table with the size of its
// state and a section with a picture.
func TestOperatorsAreShown(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs/operators.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	pkg := parsed(t, "processors")
	if n := len(pkg.operators); n < 40 {
		t.Errorf("only %d operators found", n)
	}
	for _, name := range pkg.operators {
		pkg.hasExampleAndBenchmark(t, name)
		code := "`" + strings.TrimPrefix(name, "New") + "`"
		if !inTable(page, code) {
			t.Errorf("docs/operators.md: %s is not in the table, with a size of its state", code)
		}
		word := regexp.MustCompile(`\b` + strings.Trim(code, "`") + `\b`)
		if !slices.ContainsFunc(sections(page), func(s string) bool { return word.MatchString(s) && picture.MatchString(s) }) {
			t.Errorf("docs/operators.md: %s is in no section that has a picture of time", code)
		}
	}
	aggs := parsed(t, "processors/aggregate")
	for _, name := range aggs.operators {
		aggs.hasExampleAndBenchmark(t, name)
		if !inTable(page, "`"+name+"`") {
			t.Errorf("docs/operators.md: `%s` is not in the table of aggregations", name)
		}
	}
}

// picture is an axis of time.
var picture = regexp.MustCompile(`(?m)^\t.*(-+>|▶)`)

// inTable says whether a name begins a row whose last cell says something.
func inTable(page, code string) bool {
	for _, line := range strings.Split(page, "\n") {
		cells := strings.Split(line, "|")
		if n := len(cells); n > 4 && strings.Contains(cells[1], code) && strings.TrimSpace(cells[n-2]) != "" {
			return true
		}
	}
	return false
}

// sections are the parts of a page below each heading, with those of lower ones.
func sections(page string) (all []string) {
	for _, mark := range []string{"\n## ", "\n### "} {
		for _, s := range strings.Split(page, mark)[1:] {
			if mark == "\n### " {
				s, _, _ = strings.Cut(s, "\n## ")
			}
			all = append(all, s)
		}
	}
	return all
}

// operatorsPackage is a package with what its tests call.
type operatorsPackage struct {
	path, name string
	operators  []string
	calls      map[string]map[string]bool // by function of the tests
}

// operator is what functions return that are operators, or say what one does.
var operator = regexp.MustCompile(`^(\*pipeline\.Processor|\[\]\*pipeline\.Processor|Windows|WindowOption|TableOption|Expiry|Versions\[.*|Func\[.*)$`)

func parsed(t *testing.T, path string) *operatorsPackage {
	t.Helper()
	p := &operatorsPackage{path: path, name: filepath.Base(path), calls: map[string]map[string]bool{}}
	files, err := filepath.Glob(filepath.Join(root, path, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files of %s: %v", path, err)
	}
	set := token.NewFileSet()
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(set, file, src, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || fn.Body == nil {
				continue
			}
			if strings.HasSuffix(file, "_test.go") {
				p.note(f, fn)
			} else if r := fn.Type.Results; fn.Name.IsExported() && r != nil && len(r.List) == 1 {
				from, to := set.Position(r.List[0].Pos()).Offset, set.Position(r.List[0].End()).Offset
				if operator.Match(src[from:to]) {
					p.operators = append(p.operators, fn.Name.Name)
				}
			}
		}
	}
	return p
}

// note notes what a function of the tests uses. An example without output does
// not run, and counts for nothing.
func (p *operatorsPackage) note(f *ast.File, fn *ast.FuncDecl) {
	name := fn.Name.Name
	if strings.HasPrefix(name, "Example") && !slices.ContainsFunc(f.Comments, func(c *ast.CommentGroup) bool {
		return fn.Body.Pos() < c.Pos() && c.End() < fn.Body.End() && strings.HasPrefix(c.Text(), "Output:")
	}) {
		return
	}
	used := map[string]bool{}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == p.name {
				used[p.name+"."+n.Sel.Name] = true
			}
		case *ast.Ident:
			used[n.Name] = true
		}
		return true
	})
	p.calls[name] = used
}

// reaches says whether a function of the tests calls an operator, itself or
// through other functions of the tests.
func (p *operatorsPackage) reaches(from, operator string, seen map[string]bool) bool {
	if seen[from] {
		return false
	}
	seen[from] = true
	for used := range maps.Keys(p.calls[from]) {
		if used == p.name+"."+operator || p.calls[used] != nil && p.reaches(used, operator, seen) {
			return true
		}
	}
	return false
}

func (p *operatorsPackage) hasExampleAndBenchmark(t *testing.T, operator string) {
	t.Helper()
	for _, kind := range []string{"Example", "Benchmark"} {
		found := false
		for name := range p.calls {
			found = found || strings.HasPrefix(name, kind) && p.reaches(name, operator, map[string]bool{})
		}
		if !found {
			t.Errorf("%s.%s has no %s", p.path, operator, kind)
		}
	}
}
