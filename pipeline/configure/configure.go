package configure

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/millrace/millrace/pipeline"
)

// Settings fills a configuration. It is used by one goroutine.
type Settings struct {
	// LookupEnv finds an environment variable; by default in the process's
	// environment. One that is empty counts as not set.
	LookupEnv func(name string) (string, bool)

	// Check, if not nil, is what the command itself demands of the
	// configuration; its error is reported with all others. It gets what was
	// read also where a part of that is wrong.
	Check func(pipeline.Config) error

	c        *pipeline.Config
	fields   []Field
	optional []string // paths that may be missing
	file     string
	given    map[string]string // of flags, by the fields' paths
}

// Load fills a configuration from a file and the environment, without flags. An
// empty path leaves the file to MILLRACE_CONFIG. The error is that of
// Settings.Load.
func Load(c *pipeline.Config, file string) error {
	return (&Settings{c: c, fields: Fields(), file: file}).Load()
}

// Flags defines a flag for every setting, and -config for the file. A name that
// the set has already is left to whom it belongs. What c has already are the
// program's defaults, of which help tells. Parse the flags, then call Load.
func Flags(fs *flag.FlagSet, c *pipeline.Config, options ...Option) *Settings {
	s := &Settings{c: c, fields: Fields(), given: map[string]string{}}
	for _, o := range options {
		o(s)
	}
	if fs.Lookup("config") == nil {
		fs.StringVar(&s.file, "config", "", "`file` with settings, in YAML or JSON ("+Prefix+"CONFIG)")
	}
	for _, f := range s.fields {
		if v := reflect.ValueOf(*c).FieldByIndex(f.index); !v.IsZero() && f.Kind != "text" { // a text may be a secret
			f.Default = fmt.Sprint(v.Interface())
		}
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

// Load fills the configuration and validates it as a whole. The error has a
// *pipeline.ValidationError with everything that is wrong in any source, and
// that of Check; the configuration is unchanged then. What depends on the topology is checked by
// pipeline.NewService.
func (s *Settings) Load() error {
	l := loading{c: *s.c, origin: map[string]string{}, fields: s.fields, optional: s.optional}
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
	var errs []error
	if len(l.problems) > 0 {
		errs = append(errs, &pipeline.ValidationError{Subject: "configuration", Problems: l.problems})
	}
	if s.Check != nil {
		errs = append(errs, s.Check(l.c))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	*s.c = l.c
	return nil
}

// loading is one call of Load.
type loading struct {
	c        pipeline.Config
	fields   []Field
	optional []string
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
		case !ok && known(e.key): // left out by Only
		case !ok:
			l.bad(where, "", "there is no such setting%s", l.similar(e.key))
		case e.bad != "":
			l.bad(where, f.Path, "%s", e.bad)
		default:
			l.set(f, e.text, where)
		}
	}
}

// known says whether there is a setting, for this command or another.
func known(key string) bool {
	return slices.ContainsFunc(Fields(), func(f Field) bool { return f.Key == key })
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

// missing says whether a setting has no value.
func (l *loading) missing(path string) bool {
	return slices.ContainsFunc(l.fields, func(f Field) bool {
		return f.Path == path && reflect.ValueOf(l.c).FieldByIndex(f.index).IsZero()
	})
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
		if slices.Contains(l.optional, p.Field) && l.missing(p.Field) {
			continue
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
