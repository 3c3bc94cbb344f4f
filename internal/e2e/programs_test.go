//go:build kafka && unix

package e2e

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/kafkacluster"
	"github.com/millrace/millrace/internal/kafkacluster/kafkacert"
	"github.com/millrace/millrace/internal/programtest"
)

const alicesPassword = "s3cret-of-alice"

// TestProgramsOnASecuredCluster gives the commands that talk to Kafka the flags,
// the environment and the file for TLS and SASL, and has them refused.
func TestProgramsOnASecuredCluster(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	authority, err1 := kafkacert.NewAuthority("test authority")
	stranger, err2 := kafkacert.NewAuthority("stranger")
	server, err3 := authority.Sign("broker", false, "127.0.0.1")
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	c, err := kafkacluster.Start(t.Context(), kafkacluster.Config{
		Brokers: 1, Dir: filepath.Join(dir, "kafka"), Listeners: []kafkacluster.Listener{{Protocol: "SASL_SSL"}},
		TLS:   kafkacluster.TLS{Certificate: server.Certificate, Key: server.Key, Authority: authority.Certificate},
		Users: map[string]string{"alice": alicesPassword},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	programs := map[string]string{}
	for _, name := range []string{"rss-articles", "millrace"} {
		programs[name] = programtest.Build(t, "../../apps/"+name)
	}

	brokers := "-brokers=" + strings.Join(c.ListenerAddresses(0), ",")
	trusted := "-tls-ca-file=" + write("authority.pem", authority.Certificate)
	untrusted := "-tls-ca-file=" + write("stranger.pem", stranger.Certificate)
	user := []string{"-sasl-mechanism=SCRAM-SHA-512", "-sasl-username=alice"}
	right := "-sasl-password-file=" + write("password", alicesPassword+"\n")
	wrong := "-sasl-password-file=" + write("wrong", "not-hers")
	connection := func(more ...string) []string { return append([]string{brokers, user[0], user[1]}, more...) }
	list := []string{"dead-letters", "list", "-topic=articles.failed"}

	// The app first: it makes the topic whose letters are listed.
	page := programtest.FreeAddress(t)
	app := exec.Command(programs["rss-articles"], append(connection(trusted, right), "-http="+page, "-state="+filepath.Join(dir, "state"), "-feeds="+write("feeds.txt", "https://feeds.invalid/none\n"))...)
	var log strings.Builder
	app.Stdout, app.Stderr = &log, &log
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	ready := awaitReady(t, "http://"+page+"/readyz")
	if out, err := exec.Command(programs["millrace"], append(list, connection(trusted, right)...)...).CombinedOutput(); err != nil {
		t.Errorf("millrace: %v\n%s", err, out)
	}
	// The same by the environment and a file.
	settings := "-config=" + write("settings.yaml", "tls:\n  ca-file: "+strings.TrimPrefix(trusted, "-tls-ca-file=")+"\n")
	cmd := exec.Command(programs["millrace"], append(list, brokers, settings)...)
	cmd.Env = append(os.Environ(), "MILLRACE_SASL_MECHANISM=PLAIN", "MILLRACE_SASL_USERNAME=alice", "MILLRACE_SASL_PASSWORD="+alicesPassword)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("millrace with a file and the environment: %v\n%s", err, out)
	}
	_ = app.Process.Signal(syscall.SIGTERM)
	if err := app.Wait(); err != nil || !ready {
		t.Errorf("rss-articles: ready %t, %v\n%s", ready, err, log.String())
	}

	for name, refused := range map[string]struct {
		args []string
		want string
	}{
		"wrong password":        {connection(trusted, wrong), `password of user "alice"`},
		"untrusted certificate": {connection(untrusted, right), "TLS.CAFile"},
		"no TLS":                {connection(right), "switch TLS on"},
	} {
		for program, args := range map[string][]string{
			"millrace": list, "rss-articles": {"-http=127.0.0.1:0", "-state=" + filepath.Join(dir, "refused")},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			out, err := exec.CommandContext(ctx, programs[program], append(args[:len(args):len(args)], refused.args...)...).CombinedOutput()
			cancel()
			if err == nil || !strings.Contains(string(out), refused.want) {
				t.Errorf("%s, %s: %v, want %q in:\n%s", program, name, err, refused.want, out)
			}
			if strings.Contains(string(out), alicesPassword) || strings.Contains(string(out), "not-hers") {
				t.Errorf("%s, %s: the password is in:\n%s", program, name, out)
			}
		}
	}
}

// awaitReady asks until the answer is 200, for two minutes at most.
func awaitReady(t *testing.T, url string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return true
			}
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}
