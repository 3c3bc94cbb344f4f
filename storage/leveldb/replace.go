package leveldb

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	lerrors "github.com/syndtr/goleveldb/leveldb/errors"
	ldb "github.com/syndtr/goleveldb/leveldb/storage"

	"github.com/millrace/millrace/storage"
)

// damageMark is a file in a store's folder that says that its data was found
// damaged while it was open.
const damageMark = "DAMAGED"

// keepReplaced is how many replaced stores are kept beside each store, for a
// look at what happened.
const keepReplaced = 2

// replaceable says whether the store itself is at fault, not its surroundings.
func replaceable(err error) bool {
	var (
		corrupt  *storage.CorruptError
		format   *storage.FormatError
		identity *storage.IdentityError
		mode     *storage.ModeError
	)
	return errors.As(err, &corrupt) || errors.As(err, &format) || errors.As(err, &identity) || errors.As(err, &mode)
}

// sorted gives an error of LevelDB its type: damage, or a fault of the system
// that leaves the store as it is.
func sorted(dir, what string, err error) error {
	switch {
	case replaceable(err):
		return err
	case surroundings(err):
	case isCorrupted(err), errors.Is(err, fs.ErrNotExist), errors.Is(err, io.ErrUnexpectedEOF):
		return &storage.CorruptError{Dir: dir, Err: err}
	}
	return fault(dir, what, err)
}

// fault is an error of the system, with the remedy if it is one that an
// operator has.
func fault(dir, what string, err error) error {
	remedy := ""
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		remedy = ": make room on its disk; nothing is lost, what is missing is in the changelog"
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		remedy = ": let this process write there"
	}
	return fmt.Errorf("store %s: %s: %w%s", dir, what, err, remedy)
}

// isCorrupted is that of LevelDB, for wrapped errors too.
func isCorrupted(err error) bool {
	var (
		c *lerrors.ErrCorrupted
		f *ldb.ErrCorrupted
	)
	return errors.As(err, &c) || errors.As(err, &f)
}

// surroundings says whether the system, not the store, is at fault.
func surroundings(err error) bool {
	var no syscall.Errno
	return errors.As(err, &no) && no != syscall.ENOENT
}

func wouldBlock(err error) bool {
	return errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EAGAIN)
}

// moveAside renames a store's folder to DIR.replaced-N, makes an empty one, and
// removes the oldest of those that were moved before.
func moveAside(dir string) (string, error) {
	prefix := dir + ".replaced-"
	numbers, err := replacedNumbers(prefix)
	if err != nil {
		return "", fmt.Errorf("store %s: list replaced stores: %w", dir, err)
	}
	next := 1
	if len(numbers) > 0 {
		next = numbers[len(numbers)-1] + 1
	}
	aside := prefix + strconv.Itoa(next)
	if err := os.Rename(dir, aside); err != nil {
		return "", fault(dir, "move aside", err)
	}
	if err := os.Mkdir(dir, 0o750); err != nil {
		return "", fault(dir, "create folder", err)
	}
	for i := 0; i < len(numbers)+1-keepReplaced; i++ {
		if err := os.RemoveAll(prefix + strconv.Itoa(numbers[i])); err != nil {
			return "", fmt.Errorf("store %s: remove an older replaced store: %w", dir, err)
		}
	}
	return aside, nil
}

// replacedNumbers returns the numbers of the stores moved aside, in order.
func replacedNumbers(prefix string) ([]int, error) {
	entries, err := os.ReadDir(filepath.Dir(prefix))
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, e := range entries {
		if s, ok := strings.CutPrefix(e.Name(), filepath.Base(prefix)); ok {
			if n, err := strconv.Atoi(s); err == nil && n > 0 && strconv.Itoa(n) == s {
				numbers = append(numbers, n)
			}
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}
