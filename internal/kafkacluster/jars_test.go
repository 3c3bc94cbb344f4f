//go:build unix

package kafkacluster

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
)

// fakeMaven puts a shell script in the place of mvn.
func fakeMaven(t *testing.T, script string) {
	t.Helper()
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "mvn"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":/usr/bin:/bin")
}

const goodMaven = `
for a; do case $a in -DoutputDirectory=*) out=${a#*=};; esac; done
mkdir "$out" && touch "$out/kafka_2.13-1.jar" "$out/kafka-clients-1.jar" "$out/log4j-slf4j-impl-1.jar"
echo run >> "$RUNS"
`

func TestEnsureJarsOnce(t *testing.T) {
	runs := filepath.Join(t.TempDir(), "runs")
	t.Setenv("RUNS", runs)
	fakeMaven(t, goodMaven)
	parent := filepath.Join(t.TempDir(), "cache")

	var g errgroup.Group
	for range 8 {
		g.Go(func() error {
			dir, err := ensureJars(t.Context(), parent, pom)
			if err != nil {
				return err
			}
			return checkJars(dir)
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(runs); string(b) != "run\n" {
		t.Errorf("Maven ran %d times, want once", strings.Count(string(b), "\n"))
	}
	if left, _ := filepath.Glob(filepath.Join(parent, "fetch-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}

	// Another list, another folder.
	a, _ := ensureJars(t.Context(), parent, pom)
	b, err := ensureJars(t.Context(), parent, []byte("<project/>"))
	if err != nil || a == b {
		t.Errorf("two lists of jars: %s and %s, %v", a, b, err)
	}
}

func TestEnsureJarsFails(t *testing.T) {
	parent := t.TempDir()
	fakeMaven(t, "echo '[ERROR] no such artifact'; exit 1")
	_, err := ensureJars(t.Context(), parent, pom)
	if err == nil || !strings.Contains(err.Error(), "no such artifact") {
		t.Errorf("got %v, want what Maven said", err)
	}

	fakeMaven(t, "exit 0") // says that all is well and fetches nothing
	if _, err := ensureJars(t.Context(), parent, pom); err == nil {
		t.Error("a folder without jars was accepted")
	}

	t.Setenv("PATH", t.TempDir())
	if _, err := ensureJars(t.Context(), parent, pom); !errors.Is(err, ErrNoMaven) {
		t.Errorf("got %v, want ErrNoMaven", err)
	}
	if dirs, _ := filepath.Glob(filepath.Join(parent, "*[0-9a-f]")); len(dirs) > 0 {
		t.Errorf("left behind: %v", dirs)
	}
}

func TestStartWithoutJava(t *testing.T) {
	t.Setenv("JAVA_HOME", t.TempDir())
	if _, err := Start(t.Context(), Config{}); !errors.Is(err, ErrNoJava) {
		t.Errorf("got %v, want ErrNoJava", err)
	}
}

func TestPomHasVersion(t *testing.T) {
	if want := "<artifactId>kafka_2.13</artifactId>\n      <version>" + Version + "</version>"; !strings.Contains(string(pom), want) {
		t.Errorf("pom.xml does not ask for Kafka %s", Version)
	}
}
