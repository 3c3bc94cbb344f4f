package leveldb

import (
	"bufio"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/storage"
)

// These have the folder of a store that this test binary is to write until it
// is killed, to hold open, to open as a user without rights, or to turn from one
// mode to the other until it is killed, instead of running tests.
const (
	childEnv  = "MILLRACE_TEST_STORE_WRITER"
	holdEnv   = "MILLRACE_TEST_STORE_HOLDER"
	readerEnv = "MILLRACE_TEST_STORE_READER"
	turnerEnv = "MILLRACE_TEST_STORE_TURNER"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		fmt.Fprintln(os.Stderr, writeForever(dir))
		os.Exit(1)
	}
	if dir := os.Getenv(holdEnv); dir != "" {
		fmt.Fprintln(os.Stderr, hold(dir))
		os.Exit(1)
	}
	if dir := os.Getenv(readerEnv); dir != "" {
		fmt.Println(openPowerless(dir))
		os.Exit(1)
	}
	if dir := os.Getenv(turnerEnv); dir != "" {
		fmt.Fprintln(os.Stderr, turnForever(dir))
		os.Exit(1)
	}
	// LevelDB's own: it ends within a second after its database is closed.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"))
}

var testIdentity = storage.Identity{Topic: "table", TopicID: [16]byte{1, 2, 3}, Partition: 7}

// testOptions have a write buffer so small that journals turn into tables, and
// tables are compacted, all the time.
func testOptions() Options {
	return Options{Identity: testIdentity, WriteBuffer: 32 << 10, NoReplace: true, noSync: true,
		Logger: slog.New(slog.DiscardHandler)}
}

// faultsEnv multiplies the number of random faults: of damaged places, full
// disks and kills. What happens is the same in every run with the same number.
const faultsEnv = "MILLRACE_TEST_FAULTS"

// faults returns how many faults to try, n unless there is a multiple of it in
// the environment, and the choice of their places.
func faults(t *testing.T, n int) (int, *rand.Rand) {
	t.Helper()
	if s := os.Getenv(faultsEnv); s != "" {
		times, err := strconv.Atoi(s)
		if err != nil || times < 1 {
			t.Fatalf("%s=%q is not a positive number", faultsEnv, s)
		}
		n *= times
	}
	return n, rand.New(rand.NewPCG(1, 2))
}

// writeForever checks a store, says which batch it is at, and then writes one
// batch after the other and says so.
func writeForever(dir string) error {
	s, err := Open(dir, testOptions())
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	n, err := verify(s)
	if err != nil {
		return err
	}
	if i := s.Info(); i.Lost > 0 || i.State == Replaced {
		return fmt.Errorf("opened as %+v", i)
	}
	for ; ; n++ {
		if _, err := out.WriteString(strconv.FormatInt(n, 10) + "\n"); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
		if err := writeBatch(s, n+1); err != nil {
			return err
		}
	}
}

// hold opens a store and keeps it until it is killed.
func hold(dir string) error {
	if _, err := Open(dir, testOptions()); err != nil {
		return err
	}
	fmt.Println("open")
	select {}
}

// openPowerless opens a store as a user who is not root.
func openPowerless(dir string) error {
	if os.Geteuid() == 0 {
		const nobody = 65534
		if err := syscall.Setuid(nobody); err != nil {
			return err
		}
	}
	o := testOptions()
	o.NoReplace = false
	_, err := Open(dir, o)
	return err
}
