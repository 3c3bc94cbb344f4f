package cli

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// try runs a command line that ends by itself.
func try(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e strings.Builder
	code = Run(context.Background(), args, &o, &e)
	return code, o.String(), e.String()
}

func TestHelpShowsEverything(t *testing.T) {
	for _, args := range [][]string{{"-help"}, {"-h"}, {"help"}, {"run", "-help"}, {"parse", "--help"}} {
		code, out, _ := try(t, args...)
		if code != OK {
			t.Errorf("%v: exit code %d", args, code)
		}
		for _, want := range []string{"rss-articles [run]", "rss-articles parse", "rss-articles eval-dedupe", "rss-articles eval-match", "rss-articles topology", "rss-articles version",
			"-brokers HOST:PORT", "-feeds URL|FILE|OPML", "-http HOST:PORT", "-state FOLDER", "-processors NAME", "-host", "-interval", "-allow-private", "-proxy", "-log LEVEL", "-config file", "-tls-ca-file", "-sasl-password-file", "-client-id", "-rack", "MILLRACE_SASL_PASSWORD_FILE", "-log-format", "-format text|mermaid", "127.0.0.1:8080", "dedupe"} {
			if !strings.Contains(out, want) {
				t.Errorf("%v: no %q in\n%s", args, want, out)
			}
		}
	}
}

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		args []string
		code int
		says string // on the error output
	}{
		{[]string{"version"}, OK, ""},
		{[]string{"topology"}, OK, ""},
		{[]string{"topology", "-format", "mermaid"}, OK, ""},
		{[]string{"topology", "-format", "svg"}, Usage, "svg"},
		{[]string{"topology", "x"}, Usage, "x"},
		{[]string{"nothing"}, Usage, "nothing"},
		{[]string{"-nothing"}, Usage, "nothing"},
		{[]string{"run", "https://a.example/feed"}, Usage, "-feeds"},
		{[]string{"-log", "LOUD"}, Usage, "LOUD"},
		{[]string{"-log-format", "xml"}, Usage, "xml"},
		{[]string{"-interval", "often"}, Usage, "often"},
		{[]string{"-processors", "x", "-state", dir}, Usage, "dedupe"},
		{[]string{"-feeds", filepath.Join(dir, "none"), "-state", dir}, Usage, "none"},
		{[]string{"-tls-enabled", "-state", dir}, Usage, "no -brokers"},
		{[]string{"-config", filepath.Join(dir, "none.yaml")}, Usage, "none.yaml"},
		{[]string{"parse"}, Usage, "files"},
		{[]string{"parse", filepath.Join(dir, "none")}, Failed, ""},
		{[]string{"eval-dedupe"}, Usage, "files"},
		{[]string{"eval-match", filepath.Join(dir, "none")}, Failed, "none"},
	} {
		code, _, errOut := try(t, tt.args...)
		if code != tt.code || !strings.Contains(errOut, tt.says) {
			t.Errorf("%v: exit code %d, %q; want %d, %q", tt.args, code, errOut, tt.code, tt.says)
		}
	}
}

// All that is wrong with a command line, the environment and a file is in one
// message, without the password.
func TestAllMistakesAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rss.yaml")
	if err := os.WriteFile(file, []byte("sasl: {username: me, password: s3cret}\ncommit-interval: soon\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MILLRACE_TLS_CA_FILE", "/does/not/exist")
	code, out, errOut := try(t, "-config", file, "-nothing", "-http", "here", "-interval", "1ms", "-brokers", "b", "-feeds", "ftp://a.example/", "-log", "LOUD", "-log-format", "xml", "-processors", "cuont")
	if code != Usage {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{"-nothing", "LOUD", "xml", `"here"`, "-interval", `"b" is not host:port`, "ftp", "cuont", "MILLRACE_TLS_CA_FILE", "commit-interval", "SASL.Mechanism"} {
		if !strings.Contains(errOut, want) {
			t.Errorf("no %s in: %s", want, errOut)
		}
	}
	if strings.Contains(errOut+out, "s3cret") {
		t.Errorf("the password is in: %s", errOut)
	}
}

func TestTopologyIsPrinted(t *testing.T) {
	if _, out, _ := try(t, "topology"); !strings.HasPrefix(out, "topology rss-articles") || !strings.Contains(out, "processor dedupe") {
		t.Errorf("%.200s", out)
	}
	if _, out, _ := try(t, "topology", "-format", "mermaid"); !strings.HasPrefix(out, "flowchart") {
		t.Errorf("%.200s", out)
	}
}

func TestFeedsMayHoldCommas(t *testing.T) {
	file := filepath.Join(t.TempDir(), "feeds.opml")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var l feedList
	for _, s := range []string{"https://a.example/x,y.xml,https://b.example/," + file, "other.txt,more.txt"} {
		if err := l.Set(s); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"https://a.example/x,y.xml", "https://b.example/", file, "other.txt", "more.txt"}; !slices.Equal(l, want) {
		t.Errorf("%q, want %q", []string(l), want)
	}
}
