package configure

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/pipeline"
)

// Option adapts the settings to a command.
type Option func(*Settings)

// Only leaves all but these settings out, which are named by their Path, such
// as "TLS.CAFile", or the part of it before the dot: they get no flag, and what
// the file and the environment say of them is not taken, so that a tool can
// read the file of the service that it is for. It panics at a path that no
// setting has.
func Only(paths ...string) Option {
	mustExist(paths)
	return func(s *Settings) {
		s.fields = slices.DeleteFunc(s.fields, func(f Field) bool {
			group, _, _ := strings.Cut(f.Path, ".")
			return !slices.Contains(paths, f.Path) && !slices.Contains(paths, group)
		})
	}
}

// Optional lets settings be missing that are required otherwise, such as
// "Brokers", for commands that do without. It panics at a path that no setting
// has.
func Optional(paths ...string) Option {
	mustExist(paths)
	return func(s *Settings) { s.optional = append(s.optional, paths...) }
}

// Named gives a setting another flag, and another text in help unless usage is
// empty. The file and the environment name it as before. It panics at a path
// that no setting has.
func Named(path, name, usage string) Option {
	mustExist([]string{path})
	return func(s *Settings) {
		for i := range s.fields {
			if f := &s.fields[i]; f.Path == path {
				f.Flag = name
				if usage != "" {
					f.Usage = usage
				}
			}
		}
	}
}

// mustExist panics at a mistake in a program's text, as the flag package does.
func mustExist(paths []string) {
	for _, p := range paths {
		if !slices.ContainsFunc(Fields(), func(f Field) bool { return f.Path == p || strings.HasPrefix(f.Path, p+".") }) {
			panic(fmt.Sprintf("configure: there is no setting %q", p))
		}
	}
}

// Parse is fs.Parse that goes on after a mistake, so that the error, a
// *pipeline.ValidationError, has all of them. For the flags for help it returns
// flag.ErrHelp. The set is one of flag.ContinueOnError, and its output should
// be discarded: it would get each mistake, and the usage after each.
func Parse(fs *flag.FlagSet, args []string) error {
	v := &pipeline.ValidationError{Subject: "command line"}
	for {
		err := fs.Parse(args)
		if err == nil {
			break
		}
		if errors.Is(err, flag.ErrHelp) {
			return flag.ErrHelp
		}
		v.Problems = append(v.Problems, &pipeline.Problem{Kind: pipeline.ErrConfig, Where: "flags", What: err.Error()})
		if rest := fs.Args(); len(rest) < len(args) {
			args = rest
		} else { // what has not even the form of a flag stays
			args = args[1:]
		}
		// What follows a flag that there is not is taken for its value.
		for len(args) > 0 && !strings.HasPrefix(args[0], "-") {
			args = args[1:]
		}
	}
	if len(v.Problems) == 0 {
		return nil
	}
	return v
}
