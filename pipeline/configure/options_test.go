package configure

import (
	"errors"
	"flag"
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

// adapted loads with options, from a file of the text, an environment, and flags.
func adapted(t *testing.T, c *pipeline.Config, text string, env map[string]string, args []string, options ...Option) (*flag.FlagSet, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "millrace.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	fs := flag.NewFlagSet("test", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	s := Flags(fs, c, options...)
	s.LookupEnv = func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	if err := fs.Parse(append([]string{"-config", path}, args...)); err != nil {
		return fs, err
	}
	return fs, s.Load()
}

// A tool reads the file of a service, and takes what it has use for.
func TestOnly(t *testing.T) {
	var c pipeline.Config
	fs, err := adapted(t, &c, "brokers: f:1\ncommit-interval: 5s\npartitions: many\ntls:\n  server-name: f\n",
		map[string]string{"MILLRACE_TLS_SERVER_NAME": "e", "MILLRACE_CACHE_BYTES": "x"}, []string{"-client-id", "l"}, Only("Brokers", "ClientID", "TLS"))
	want := pipeline.Config{Brokers: []string{"f:1"}, ClientID: "l", TLS: pipeline.TLS{ServerName: "e"}}
	if err != nil || !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v, %v, want %+v", c, err, want)
	}
	if fs.Lookup("tls-key-file") == nil || fs.Lookup("commit-interval") != nil {
		t.Error("there is not a flag for just each of the settings")
	}
	if _, err := adapted(t, &c, "brockers: f:1\n", nil, nil, Only("Brokers")); err == nil || !strings.Contains(err.Error(), "brockers: there is no such setting") {
		t.Errorf("what no command knows: %v", err)
	}
}

func TestOptional(t *testing.T) {
	var c pipeline.Config
	if _, err := adapted(t, &c, "", nil, nil, Optional("Brokers")); err != nil {
		t.Errorf("without brokers: %v", err)
	}
	if _, err := adapted(t, &c, "", nil, []string{"-brokers", "nowhere"}, Optional("Brokers")); err == nil || !strings.Contains(err.Error(), `flag -brokers: Brokers: "nowhere" is not host:port`) {
		t.Errorf("with wrong ones: %v", err)
	}
}

func TestNamed(t *testing.T) {
	var c pipeline.Config
	named := Named("StateDir", "state", "`FOLDER` of mine")
	fs, err := adapted(t, &c, "brokers: a:1\nstate-dir: f\n", nil, []string{"-state", "l"}, named)
	if err != nil || c.StateDir != "l" || fs.Lookup("state-dir") != nil || !strings.HasPrefix(fs.Lookup("state").Usage, "`FOLDER` of mine (MILLRACE_STATE_DIR") {
		t.Errorf("StateDir %q, %v", c.StateDir, err)
	}
	if _, err := adapted(t, &c, "", nil, []string{"-nonsense"}, Named("Brokers", "kafka", "")); err == nil {
		t.Error("a flag that there is not was accepted")
	}
	if _, err := adapted(t, &pipeline.Config{}, "", nil, nil, Named("Brokers", "kafka", "")); err == nil || !strings.Contains(err.Error(), "set it with -kafka, MILLRACE_BROKERS or brokers in the file") {
		t.Errorf("the remedy names another flag: %v", err)
	}
}

func TestOptionsOfUnknownSettings(t *testing.T) {
	for name, f := range map[string]func(){
		"Only": func() { Only("Broker") }, "Optional": func() { Optional("TLSCAFile") }, "Named": func() { Named("", "x", "") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s took a setting that there is not", name)
				}
			}()
			f()
		}()
	}
}

// What a command demands is told with all else.
func TestCheck(t *testing.T) {
	c := pipeline.Config{}
	s := Flags(flag.NewFlagSet("test", flag.ContinueOnError), &c)
	s.LookupEnv = func(name string) (string, bool) {
		v, ok := map[string]string{"MILLRACE_RACK": "mine"}[name]
		return v, ok
	}
	own := errors.New("rack is taken")
	s.Check = func(c pipeline.Config) error {
		if c.Rack == "mine" {
			return own
		}
		return nil
	}
	if err := s.Load(); !errors.Is(err, own) || !errors.Is(err, pipeline.ErrConfig) || c.Rack != "" {
		t.Errorf("got %v, and configuration %+v", err, c)
	}
}

// Every mistake is in one message, whatever its form.
func TestParse(t *testing.T) {
	fs := flag.NewFlagSet("test", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	often := fs.Duration("often", 0, "")
	last := fs.Bool("last", false, "")
	err := Parse(fs, []string{"-nothing", "value", "-often", "always", "-=x", "---", "-last=perhaps", "-other=1", "-last", "-often"})
	var v *pipeline.ValidationError
	if !errors.As(err, &v) || !errors.Is(err, pipeline.ErrConfig) {
		t.Fatalf("got %v", err)
	}
	for i, want := range []string{"-nothing", `"always"`, "-=x", "---", `"perhaps"`, "-other", "needs an argument: -often"} {
		if i >= len(v.Problems) || !strings.Contains(v.Problems[i].What, want) {
			t.Errorf("problem %d does not name %s: %v", i, want, err)
		}
	}
	if len(v.Problems) != 7 || !*last {
		t.Errorf("%d problems: %v", len(v.Problems), err)
	}
	if err := Parse(fs, []string{"-often", "1s", "word"}); err != nil || *often != time.Second || !slices.Equal(fs.Args(), []string{"word"}) {
		t.Errorf("%v, %v, %v", err, *often, fs.Args())
	}
	if err := Parse(fs, []string{"-nothing", "-help"}); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("help: %v", err)
	}
}
