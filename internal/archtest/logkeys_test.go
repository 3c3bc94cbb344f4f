package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Attributes of log lines have one name each over the whole code, so that a search for a topic or an error finds
// all lines. Other is what somebody may write instead.
var logKeys = map[string][]string{
	"error":     {"err", "reason", "cause", "failure"},
	"topic":     {"topicName", "t"},
	"partition": {"part", "p", "partitionId"},
	"offset":    {"off", "o", "position"},
	"key":       {"k", "recordKey"},
	"processor": {"proc", "processorName"},
	"topology":  {"app", "application"},
	"group":     {"groupId", "consumerGroup"},
	"table":     {"tableName"},
	"address":   {"addr", "listen"},
	"file":      {"filename"},
	"folder":    {"dir", "directory"},
	"stack":     {"trace", "stacktrace", "stackTrace"},
	"broker":    {"brokerId", "node", "nodeId"},
}

// keyForm is camel case: keys with spaces have to be quoted by whoever searches.
var keyForm = regexp.MustCompile(`^[a-z][a-zA-Z0-9]*$`)

// wrongKey says what is wrong with a key of a log line.
func wrongKey(key string) string {
	if !keyForm.MatchString(key) {
		return fmt.Sprintf("log key %q is not of the form camelCase", key)
	}
	for right, others := range logKeys {
		if slices.Contains(others, key) {
			return fmt.Sprintf("log key %q: it is %q everywhere else", key, right)
		}
	}
	return ""
}

func TestLogKeys(t *testing.T) {
	dir := root(t)
	found := map[string]int{}
	for _, path := range projectFiles(t, dir) {
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "testdata/") {
			continue
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, filepath.Join(dir, path), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range keysOf(file) {
			found[k.key]++
			if wrong := wrongKey(k.key); wrong != "" {
				t.Errorf("%s:%d: %s", path, fset.Position(k.pos).Line, wrong)
			}
		}
	}
	if found["error"] < 10 || found["processor"] < 3 {
		t.Errorf("only these keys were found: %v", found)
	}
}

type logKey struct {
	key string
	pos token.Pos
}

// firstKey is the place of the first key among the arguments of a logger's methods.
var firstKey = map[string]int{"Debug": 1, "Info": 1, "Warn": 1, "Error": 1, "DebugContext": 2, "InfoContext": 2,
	"WarnContext": 2, "ErrorContext": 2, "Log": 3, "LogAttrs": 3, "With": 0}

var attributes = []string{"String", "Any", "Int", "Int64", "Uint64", "Float64", "Bool", "Time", "Duration", "Group"}

// keysOf finds the keys that are written out in calls of slog and of loggers, by the names of these.
func keysOf(file *ast.File) (keys []logKey) {
	add := func(e ast.Expr) {
		if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			s, _ := strconv.Unquote(lit.Value) // of a file that parses
			keys = append(keys, logKey{s, lit.Pos()})
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		on := nameOf(sel.X)
		if on == "slog" && slices.Contains(attributes, sel.Sel.Name) && len(call.Args) > 0 {
			add(call.Args[0])
			return true
		}
		first, ok := firstKey[sel.Sel.Name]
		if !ok || on != "slog" && on != "log" && on != "logger" {
			return true
		}
		for i := first; i < len(call.Args); i++ {
			if _, attr := call.Args[i].(*ast.CallExpr); attr && i+1 == len(call.Args) || isAttr(call.Args[i]) {
				continue // an attribute stands for key and value
			}
			add(call.Args[i])
			i++ // its value
		}
		return true
	})
	return keys
}

func isAttr(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	return ok && nameOf(sel.X) == "slog"
}

// nameOf is the last name of an expression such as e.cfg.Logger, in small letters.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return strings.ToLower(e.Name)
	case *ast.SelectorExpr:
		return strings.ToLower(e.Sel.Name)
	}
	return ""
}

// TestKeysOf shows what the search finds, and what is wrong with it.
func TestKeysOf(t *testing.T) {
	const source = `package p
func f() {
	e.cfg.Logger.Warn("m", "err", err, slog.Int("others not shown", 3), "topic", t)
	log.With("group", g).Info("m")
	slog.ErrorContext(ctx, "m", "part", 1, "offset", "off")
	l.log.LogAttrs(ctx, slog.LevelError, "m", slog.Any("error", err))
	math.Log(3)
	t.Log("m", "err")
	attrs = append(attrs, slog.Duration("in", d))
}`
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	wrong := 0
	for _, k := range keysOf(file) {
		got = append(got, k.key)
		if wrongKey(k.key) != "" {
			wrong++
		}
	}
	slices.Sort(got)
	if want := []string{"err", "error", "group", "in", "offset", "others not shown", "part", "topic"}; !slices.Equal(got, want) || wrong != 3 {
		t.Errorf("found %q, %d of them wrong; want %q, 3 of them wrong", got, wrong, want)
	}
}
