package configure

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
)

// sources are what a test gives to Load.
type sources struct {
	code  pipeline.Config
	file  string // its text
	env   map[string]string
	flags []string
}

func (s sources) load(t *testing.T) (pipeline.Config, error) {
	t.Helper()
	c := s.code
	fs := flag.NewFlagSet("test", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	settings := Flags(fs, &c)
	settings.LookupEnv = func(name string) (string, bool) { v, ok := s.env[name]; return v, ok }
	args := s.flags
	if s.file != "" {
		path := filepath.Join(t.TempDir(), "millrace.yaml")
		if err := os.WriteFile(path, []byte(s.file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append([]string{"-config", path}, args...)
	}
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return c, settings.Load()
}

// Every setting can be set in every way, and a later source wins.
func TestPrecedence(t *testing.T) {
	samples := map[string][4]string{ // by kind: of code, file, environment, flag
		"list": {"c:1", "f:1,f:2", "e:1", "l:1"}, "number": {"1", "2", "3", "4"}, "duration": {"1s", "2s", "3s", "4s"},
		"yes/no": {"false", "true", "false", "true"}, "text": {"c", "f", "e", "l"},
	}
	for _, f := range Fields() {
		values := samples[f.Kind]
		code := pipeline.Config{Brokers: []string{"b:1"}}
		switch {
		case f.Path == "Compression":
			values = [4]string{"gzip", "snappy", "lz4", "zstd"}
		case f.Path == "Guarantee":
			values = [4]string{"exactly_once", "at_least_once", "exactly_once", "at_least_once"}
		case f.Path == "PeerAddress":
			values = [4]string{"c:1", "f:2", "e:3", "l:4"}
		case f.Path == "RestartMin":
			code.RestartMax = time.Hour
		case strings.HasPrefix(f.Path, "TLS.") && strings.HasSuffix(f.Path, "File"), strings.HasPrefix(f.Path, "SASL."):
			continue // they need each other, and files: see TestSecurity
		}
		if f.Path == "RestartMax" {
			code.RestartMin = time.Millisecond
		}
		if err := f.set(&code, values[0]); err != nil {
			t.Fatal(err)
		}
		get := func(c pipeline.Config) any { return reflect.ValueOf(c).FieldByIndex(f.index).Interface() }
		group, key, grouped := strings.Cut(f.Key, ".")
		text := fmt.Sprintf("%s: %s\n", f.Key, values[1])
		if grouped {
			text = fmt.Sprintf("%s:\n  %s: %s\n", group, key, values[1])
		}
		for i, s := range []sources{
			{code: code},
			{code: code, file: text},
			{code: code, file: text, env: map[string]string{f.Env: values[2]}},
			{code: code, file: text, env: map[string]string{f.Env: values[2]}, flags: []string{"-" + f.Flag + "=" + values[3]}},
		} {
			var want pipeline.Config
			if err := f.set(&want, values[i]); err != nil {
				t.Fatal(err)
			}
			if got, err := s.load(t); err != nil || !reflect.DeepEqual(get(got), get(want)) {
				t.Errorf("%s from source %d: %v, %v, want %v", f.Path, i+1, get(got), err, get(want))
			}
		}
	}
}

func TestSecurity(t *testing.T) {
	dir := t.TempDir()
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte("from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := sources{
		file:  "brokers: [a:1, b:2]\ntls: {enabled: true, server-name: kafka}\nsasl:\n  mechanism: SCRAM-SHA-512\n  username: from-file\n",
		env:   map[string]string{"MILLRACE_SASL_USERNAME": "from-env", "MILLRACE_SASL_PASSWORD": "s3cret", "MILLRACE_RACK": ""},
		flags: []string{"-client-id", "me"},
	}.load(t)
	if err != nil {
		t.Fatal(err)
	}
	want := pipeline.Config{Brokers: []string{"a:1", "b:2"}, ClientID: "me", TLS: pipeline.TLS{Enabled: true, ServerName: "kafka"},
		SASL: pipeline.SASL{Mechanism: "SCRAM-SHA-512", Username: "from-env", Password: "s3cret"}}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v, want %+v", c, want)
	}
	if _, err := (sources{code: c, env: map[string]string{"MILLRACE_SASL_PASSWORD_FILE": password}}).load(t); err == nil ||
		!strings.Contains(err.Error(), "environment MILLRACE_SASL_PASSWORD_FILE: SASL.PasswordFile: there is SASL.Password already") ||
		strings.Contains(err.Error(), "s3cret") {
		t.Errorf("two passwords: %v", err)
	}
}

// JSON is YAML.
func TestJSON(t *testing.T) {
	c, err := sources{file: `{"brokers": ["a:1"], "commit-interval": "1s", "partitions": 7, "no-topic-creation": true, "tls": {"enabled": true}, "rack": null}`}.load(t)
	want := pipeline.Config{Brokers: []string{"a:1"}, CommitInterval: time.Second, Partitions: 7, NoTopicCreation: true, TLS: pipeline.TLS{Enabled: true}}
	if err != nil || !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v, %v", c, err)
	}
}

// Everything that is wrong is in one message, each with its place.
func TestProblems(t *testing.T) {
	before := pipeline.Config{DrainTimeout: -1}
	c, err := sources{
		code: before,
		file: "client_id: x\npartitions: many\npartitions: 2\ntls:\n  ca-file: /does/not/exist\n  deep: {er: 1}\ncommit-interval: -5s\nbrokers:\n- {a: b}\nnonsense: 1\n",
		env:  map[string]string{"MILLRACE_CACHE_BYTES": "12 apples", "MILLRACE_COMPRESSION": "rar", "MILLRACE_TESTDATA": "ignored"},
		flags: []string{"-restart-min", "soon", "-no-topic-creation=perhaps", "-sasl-mechanism", "PLAIN", "-sasl-password", "s3cret",
			"-replication", "99999999999999999999"},
	}.load(t)
	var v *pipeline.ValidationError
	if !errors.As(err, &v) || !errors.Is(err, pipeline.ErrConfig) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{
		"line 1, client_id: there is no such setting; do you mean client-id?",
		`line 2, partitions: "many" is no whole number`,
		"line 3, partitions: it is set in line 2 already",
		"line 5, tls.ca-file: TLS.CAFile: open /does/not/exist",
		"line 6, tls.deep: there is no such setting",
		"line 7, commit-interval: CommitInterval: -5s is negative",
		"line 8, brokers: an item of the list is not a plain value",
		"line 10, nonsense: there is no such setting; docs/configuration.md",
		`environment MILLRACE_CACHE_BYTES: "12 apples" is no whole number`,
		`environment MILLRACE_COMPRESSION: Compression: "rar" is unknown`,
		`flag -restart-min: "soon" is no duration such as`,
		`flag -no-topic-creation: "perhaps" is neither true nor false`,
		`flag -replication: "99999999999999999999" is no whole number, or too large`,
		"code: SASL.Username: it is missing (set it with -sasl-username, MILLRACE_SASL_USERNAME or sasl.username in the file)",
		"code: DrainTimeout: -1ns is negative",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no word of %q in:\n%v", want, err)
		}
	}
	if len(v.Problems) != 15 {
		t.Errorf("%d problems, want 15:\n%v", len(v.Problems), err)
	}
	if strings.Contains(err.Error(), "s3cret") {
		t.Errorf("the password is in the message: %v", err)
	}
	if !reflect.DeepEqual(c, before) {
		t.Error("a load that failed changed the configuration")
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	for text, want := range map[string]string{
		"- a\n- b\n":                    "not a mapping",
		"just text":                     "not a mapping",
		"a: 1\n---\nb: 2\n":             "more than one document",
		"a: [1\n":                       "yaml: ",
		"brokers: &x [a:1]\nrack: *x\n": "line 2, rack: it is neither a value nor a list",
		strings.Repeat("#", maxFile+1):  "more than 1048576 bytes",
	} {
		if _, err := (sources{file: text}).load(t); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30q: %v, want %q", text, err, want)
		}
	}
	var c pipeline.Config
	if err := Load(&c, filepath.Join(t.TempDir(), "none.yaml")); err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("a file that is not there: %v", err)
	}
	for _, empty := range []string{"\n", "# nothing\n", "---\n", "null\n"} {
		if _, err := (sources{code: pipeline.Config{Brokers: []string{"a:1"}}, file: empty}).load(t); err != nil {
			t.Errorf("%q: %v", empty, err)
		}
	}
}

// A flag that a program has defined itself stays the program's.
func TestFlagsOfTheProgram(t *testing.T) {
	fs := flag.NewFlagSet("test", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	mine := fs.String("rack", "", "a hat rack")
	c := pipeline.Config{Brokers: []string{"a:1"}}
	s := Flags(fs, &c)
	s.LookupEnv = func(string) (string, bool) { return "", false }
	if err := fs.Parse([]string{"-rack", "oak"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Load(); err != nil || *mine != "oak" || c.Rack != "" {
		t.Errorf("%v, %q, %q", err, *mine, c.Rack)
	}
	fs.PrintDefaults() // looks at zero values
}

// The table of settings is complete.
// Help tells the defaults that a program sets before, but no secret of them.
func TestHelpTellsTheProgramsDefaults(t *testing.T) {
	c := pipeline.Config{CacheBytes: 12345, CommitInterval: 7 * time.Second, SASL: pipeline.SASL{Password: "hush"}}
	fs := flag.NewFlagSet("test", flag.ContinueOnError)
	Flags(fs, &c)
	for name, want := range map[string]string{"cache-bytes": "12345", "commit-interval": "7s", "sasl-password": "", "store-bytes": "134217728"} {
		if f := fs.Lookup(name); f == nil || f.DefValue != want {
			t.Errorf("flag -%s: %+v, want the default %q", name, f, want)
		}
	}
}

func TestFieldsAreComplete(t *testing.T) {
	var want []string
	var walk func(t reflect.Type, prefix string)
	walk = func(t reflect.Type, prefix string) {
		for i := range t.NumField() {
			f := t.Field(i)
			switch {
			case !f.IsExported() || slices.Contains(inCode, prefix+f.Name):
			case f.Type.Kind() == reflect.Struct:
				walk(f.Type, f.Name+".")
			default:
				want = append(want, prefix+f.Name)
			}
		}
	}
	walk(reflect.TypeFor[pipeline.Config](), "")
	var got []string
	for _, f := range Fields() {
		got = append(got, f.Path)
		if f.Kind == "" || f.Usage == "" {
			t.Errorf("%s has kind %q and usage %q", f.Path, f.Kind, f.Usage)
		}
	}
	slices.Sort(want)
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("settings and fields of pipeline.Config differ:\n%v\n%v", got, want)
	}
}

func TestKebab(t *testing.T) {
	for name, want := range map[string]string{"ClientID": "client-id", "CAFile": "ca-file", "TLS": "tls", "NoTopicCreation": "no-topic-creation"} {
		if got := kebab(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "a: 1", "tls: {ca-file: x}", "a: [1, 2]", "a: &x\n  b: *x", "{", "\xff", "a: !!binary zzzz"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := parse(b)
		if err != nil && len(entries) > 0 {
			t.Error("entries with an error")
		}
	})
}
