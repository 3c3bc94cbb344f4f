package configure

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/millrace/millrace/pipeline"
)

// Settings fills a configuration. It is used by one goroutine.
type Settings struct {
	// LookupEnv finds an environment variable; by default in the process's
	// environment. One that is empty counts as not set.
	LookupEnv func(name string) (string, bool)

	c     *pipeline.Config
	file  string
	given map[string]string // of flags, by the fields' paths
}

// Load fills a configuration from a file and the environment, without flags. An
// empty path leaves the file to MILLRACE_CONFIG. The error is that of
// Settings.Load.
func Load(c *pipeline.Config, file string) error {
	return (&Settings{c: c, file: file}).Load()
}

// Flags defines a flag for every setting, and -config for the file. A name that
// the set has already is left to whom it belongs. Parse the flags, then call
// Load.
func Flags(fs *flag.FlagSet, c *pipeline.Config) *Settings {
	s := &Settings{c: c, given: map[string]string{}}
	if fs.Lookup("config") == nil {
		fs.StringVar(&s.file, "config", "", "`file` with settings, in YAML or JSON")
	}
	for _, f := range Fields() {
		if fs.Lookup(f.Flag) == nil {
			fs.Var(&flagValue{s, f}, f.Flag, f.Usage+" ("+f.Env+")")
		}
	}
	return s
}

// flagValue notes what a flag was given: it is looked at together with all
// other sources.
type flagValue struct {
	s *Settings
	f Field
}

func (v *flagValue) Set(text string) error { v.s.given[v.f.Path] = text; return nil }
func (v *flagValue) IsBoolFlag() bool      { return v.f.Kind == "yes/no" }
func (v *flagValue) String() string        { return v.f.Default }

// Load fills the configuration and validates it as a whole. The error is a
// *pipeline.ValidationError with everything that is wrong in any source; the
// configuration is unchanged then. What depends on the topology is checked by
// pipeline.NewService.
func (s *Settings) Load() error {
	l := loading{c: *s.c, origin: map[string]string{}, fields: Fields()}
	lookup := s.LookupEnv
	if lookup == nil {
		lookup = os.LookupEnv
	}
	file, where := s.file, "-config"
	if file == "" {
		file, _ = lookup(Prefix + "CONFIG")
		where = Prefix + "CONFIG"
	}
	if file != "" {
		l.fromFile(file, where)
	}
	for _, f := range l.fields {
		if text, ok := lookup(f.Env); ok && text != "" {
			l.set(f, text, "environment "+f.Env)
		}
	}
	for _, f := range l.fields {
		if text, ok := s.given[f.Path]; ok {
			l.set(f, text, "flag -"+f.Flag)
		}
	}
	l.validate()
	if len(l.problems) > 0 {
		return &pipeline.ValidationError{Subject: "configuration", Problems: l.problems}
	}
	*s.c = l.c
	return nil
}

// loading is one call of Load.
type loading struct {
	c        pipeline.Config
	fields   []Field
	origin   map[string]string // where a field was set last, by its path
	problems []*pipeline.Problem
}

func (l *loading) bad(where, field, format string, args ...any) {
	l.problems = append(l.problems, &pipeline.Problem{Kind: pipeline.ErrConfig, Where: where, Field: field,
		What: fmt.Sprintf(format, args...)})
}

func (l *loading) set(f Field, text, where string) {
	l.origin[f.Path] = where
	if err := f.set(&l.c, text); err != nil {
		l.bad(where, f.Path, "%v", err)
	}
}

func (l *loading) fromFile(path, named string) {
	entries, err := readFile(path)
	if err != nil {
		l.bad("file "+path, "", "%v (it is named by %s)", err, named)
		return
	}
	for _, e := range entries {
		where := fmt.Sprintf("file %s, line %d, %s", path, e.line, e.key)
		f, ok := l.byKey(e.key)
		switch {
		case !ok:
			l.bad(where, "", "there is no such setting%s", l.similar(e.key))
		case e.bad != "":
			l.bad(where, f.Path, "%s", e.bad)
		default:
			l.set(f, e.text, where)
		}
	}
}

func (l *loading) byKey(key string) (Field, bool) {
	for _, f := range l.fields {
		if f.Key == key {
			return f, true
		}
	}
	return Field{}, false
}

// similar names a setting that may have been meant.
func (l *loading) similar(key string) string {
	plain := func(s string) string {
		return strings.ToLower(strings.NewReplacer("-", "", "_", "", ".", "", " ", "").Replace(s))
	}
	for _, f := range l.fields {
		if plain(f.Key) == plain(key) {
			return "; do you mean " + f.Key + "?"
		}
	}
	return "; docs/configuration.md lists them"
}

// validate adds what is wrong with the whole, at the place where it was said.
func (l *loading) validate() {
	told := map[string]bool{}
	for _, p := range l.problems {
		told[p.Field] = p.Field != ""
	}
	var v *pipeline.ValidationError
	if !errors.As(l.c.Validate(), &v) {
		return
	}
	for _, p := range v.Problems {
		if told[p.Field] {
			continue // it has no value, for a reason that was told
		}
		if where, ok := l.origin[p.Field]; ok {
			l.bad(where, p.Field, "%s", p.What)
			continue
		}
		what := p.What
		for _, f := range l.fields {
			if f.Path == p.Field {
				what += fmt.Sprintf(" (set it with -%s, %s or %s in the file)", f.Flag, f.Env, f.Key)
			}
		}
		l.bad("code", p.Field, "%s", what)
	}
}
