package kafkacluster

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// Version is the version of Apache Kafka that EnsureJars fetches.
const Version = "4.4.0"

//go:embed pom.xml
var pom []byte

// EnsureJars returns a folder with the jars of Kafka and all that a broker needs, about 45 MB. At its first
// use Maven fetches them into millrace/kafka-<version>-<hash of the list> in the user's cache folder (see
// os.UserCacheDir), which takes some seconds; afterwards nothing is read from the network.
//
// Several processes may call it at once: one fetches, the others wait for it. A folder appears only whole.
// Without Maven the error is ErrNoMaven; if Maven fails, the error holds the end of what it said.
func EnsureJars(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("kafkacluster: no cache folder for Kafka's jars: %w", err)
	}
	return ensureJars(ctx, filepath.Join(cache, "millrace"), pom)
}

func ensureJars(ctx context.Context, parent string, pom []byte) (string, error) {
	// The hash of the list: a change of the list must not meet an older folder.
	dir := filepath.Join(parent, fmt.Sprintf("kafka-%s-%.4x", Version, sha256.Sum256(pom)))
	if checkJars(dir) == nil {
		return dir, nil
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", fmt.Errorf("kafkacluster: cache folder: %w", err)
	}
	lock := flock.New(dir + ".lock")
	defer lock.Close()
	if _, err := lock.TryLockContext(ctx, 100*time.Millisecond); err != nil {
		return "", fmt.Errorf("kafkacluster: waiting for another process that fetches Kafka (%s): %w", lock.Path(), err)
	}
	if checkJars(dir) == nil {
		return dir, nil
	}

	tmp, err := os.MkdirTemp(parent, "fetch-*")
	if err != nil {
		return "", fmt.Errorf("kafkacluster: cache folder: %w", err)
	}
	defer os.RemoveAll(tmp)
	if err := fetchJars(ctx, tmp, pom); err != nil {
		return "", err
	}
	// What is there already failed checkJars, so it is of no use to anybody.
	if err := errors.Join(os.RemoveAll(dir), os.Rename(filepath.Join(tmp, "lib"), dir)); err != nil {
		return "", fmt.Errorf("kafkacluster: cache folder: %w", err)
	}
	return dir, nil
}

// fetchJars has Maven copy everything that the pom lists into tmp/lib.
func fetchJars(ctx context.Context, tmp string, pom []byte) error {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return fmt.Errorf("kafkacluster: %w", ErrNoMaven)
	}
	if err := os.WriteFile(filepath.Join(tmp, "pom.xml"), pom, 0o644); err != nil {
		return fmt.Errorf("kafkacluster: cache folder: %w", err)
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, mvn, "--batch-mode", "--no-transfer-progress", "dependency:copy-dependencies",
		"-DincludeScope=runtime", "-DoutputDirectory="+filepath.Join(tmp, "lib"))
	cmd.Dir = tmp
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("kafkacluster: fetching Kafka %s with Maven: %w; the end of its output:\n%s",
			Version, errors.Join(ctx.Err(), err), lastLines(out.Bytes(), 20))
	}
	return checkJars(filepath.Join(tmp, "lib"))
}

// checkJars tells whether a folder can start a broker: Kafka itself and its logging.
func checkJars(dir string) error {
	for _, pattern := range []string{"kafka_2.13-*.jar", "kafka-clients-*.jar", "log4j-slf4j-impl-*.jar"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fmt.Errorf("kafkacluster: no %s in %s", pattern, dir)
		}
	}
	return nil
}

// findJava returns the java command: that of JAVA_HOME if it is set, else that on PATH.
func findJava() (string, error) {
	name := "java"
	if home := os.Getenv("JAVA_HOME"); home != "" {
		name = filepath.Join(home, "bin", "java")
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("kafkacluster: %w (%w)", ErrNoJava, err)
	}
	return path, nil
}
