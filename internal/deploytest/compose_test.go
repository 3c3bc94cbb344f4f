package deploytest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/millrace/millrace/internal/programtest"
)

// root is the module's folder, seen from this package's.
const root = "../.."

// load reads docker-compose.yml, and other files over it.
func load(t *testing.T, over ...string) *types.Project {
	t.Helper()
	dir, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	files := []types.ConfigFile{{Filename: filepath.Join(dir, "docker-compose.yml")}}
	for _, name := range over {
		files = append(files, types.ConfigFile{Filename: filepath.Join(dir, name)})
	}
	p, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  dir,
		ConfigFiles: files,
		Environment: types.Mapping{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestComposeLoads(t *testing.T) {
	p := load(t)
	for _, name := range []string{"kafka-1", "kafka-2", "kafka-3", "web", "articles", "match", "prometheus", "grafana"} {
		s, err := p.GetService(name)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("service %s publishes port %s on %q, beyond this machine", name, port.Published, port.HostIP)
			}
		}
		for _, v := range s.Volumes {
			if v.Type != "bind" {
				continue
			}
			if _, err := os.Stat(v.Source); err != nil {
				t.Errorf("service %s mounts what is not there: %v", name, err)
			}
		}
	}
}

// Every processor runs in one service, and the commands are those of the app.
func TestComposeRunsEveryProcessor(t *testing.T) {
	app := programtest.Build(t, root+"/apps/rss-articles")
	printed, err := exec.CommandContext(t.Context(), app, "topology").Output()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"fetch"}
	for _, m := range regexp.MustCompile(`(?m)^  processor (\S+)$`).FindAllStringSubmatch(string(printed), -1) {
		want = append(want, m[1])
	}
	help, _ := exec.CommandContext(t.Context(), app, "run", "-help").CombinedOutput() // it exits with an error, or not
	slices.Sort(want)
	t.Run("in groups", func(t *testing.T) { checkProcessors(t, load(t), want, help, false) })
	t.Run("each by itself", func(t *testing.T) { checkProcessors(t, load(t, "docker-compose.processors.yml"), want, help, true) })
}

// checkProcessors checks that each processor runs in one service; alone, if it
// must.
func checkProcessors(t *testing.T, p *types.Project, want []string, help []byte, alone bool) {
	t.Helper()
	var got []string
	for _, s := range p.Services {
		if s.Image != "millrace/rss-articles" || s.GetScale() == 0 {
			continue
		}
		i := slices.Index(s.Command, "-processors")
		if i < 0 {
			t.Errorf("service %s runs all processors", s.Name)
			continue
		}
		names := strings.Split(s.Command[i+1], ",")
		if alone && len(names) > 1 {
			t.Errorf("service %s runs %q", s.Name, names)
		}
		if len(s.DependsOn) != 3 || len(s.Volumes) == 0 {
			t.Errorf("service %s waits for %d brokers and has %d volumes", s.Name, len(s.DependsOn), len(s.Volumes))
		}
		got = append(got, names...)
		for _, arg := range s.Command {
			if strings.HasPrefix(arg, "-") && !bytes.Contains(help, []byte(arg+" ")) {
				t.Errorf("service %s: there is no flag %s:\n%s", s.Name, arg, help)
			}
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the services run %q, the topology has %q", got, want)
	}
}
