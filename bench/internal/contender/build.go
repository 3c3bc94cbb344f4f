package contender

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Build builds the programs that contenders need below the folder dir.
// Contenders in Python are left out where it is missing or cannot install what
// they need: the reason is in missing, by the contender's name.
func Build(ctx context.Context, root, dir string, contenders []Contender) (missing map[string]error, err error) {
	missing = map[string]error{}
	built := map[string]error{}
	for _, c := range contenders {
		err, done := built[c.Program]
		if !done {
			err = build(ctx, root, dir, c.Program)
			built[c.Program] = err
		}
		if err != nil && !python(c.Program) {
			return nil, err
		}
		if err != nil {
			missing[c.Name] = err
		}
	}
	return missing, nil
}

func build(ctx context.Context, root, dir, program string) error {
	source := filepath.Join(root, "bench", "peers", program)
	cmd := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(dir, program), "./bench/peers/"+program)
	cmd.Dir = root
	switch {
	case python(program):
		return install(ctx, source, venv(root, program))
	case program == "streams":
		if _, err := exec.LookPath("mvn"); err != nil {
			return errors.New("contender kafka-streams: no Maven: install it, or leave the contender out")
		}
		// The build's folder is Maven's own: a second build has nothing to do.
		cmd = exec.CommandContext(ctx, "mvn", "-q", "-B", "compile", "dependency:copy-dependencies", "-DoutputDirectory=target/lib")
		cmd.Dir = source
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", program, err, out)
	}
	return nil
}

// python says whether a program is written in Python.
func python(program string) bool { return program == "quix" || program == "faust" }

// venv is the folder of a program's virtual environment, which stays for the
// next run.
func venv(root, program string) string {
	return filepath.Join(root, "bench", "peers", program, "target", "venv")
}

// install makes a virtual environment with what requirements.txt names, unless
// it is there.
func install(ctx context.Context, source, venv string) error {
	want, err := os.ReadFile(filepath.Join(source, "requirements.txt"))
	if err != nil {
		return err
	}
	stamp := filepath.Join(venv, "requirements.txt") // written when all is installed
	if have, err := os.ReadFile(stamp); err == nil && bytes.Equal(have, want) {
		return nil
	}
	name := filepath.Base(source)
	python, err := exec.LookPath("python3")
	if err != nil {
		return fmt.Errorf("contender %s: no python3: install Python 3.10 or newer with venv and pip", name)
	}
	for _, args := range [][]string{
		{python, "-m", "venv", "--clear", venv},
		{filepath.Join(venv, "bin", "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", filepath.Join(source, "requirements.txt")},
	} {
		if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("contender %s: python3 %v: %w: install Python 3.10 or newer with venv and pip\n%s", name, args[1:3], err, out)
		}
	}
	return os.WriteFile(stamp, want, 0o644)
}
