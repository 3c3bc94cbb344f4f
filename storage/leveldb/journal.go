package leveldb

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/syndtr/goleveldb/leveldb/journal"
)

// checkJournals looks for holes in LevelDB's journals. A process that is
// killed while it writes leaves a torn end, which is as good as nothing
// written. A batch that cannot be read while a later one can is a hole: the
// store would have the later batch's offset without the earlier one's values.
// LevelDB itself either refuses both or skips both.
func checkJournals(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		return err
	}
	slices.SortFunc(files, func(a, b string) int { return number(a) - number(b) })
	var torn error
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		err = checkJournal(f, &torn)
		f.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
	}
	return nil
}

func number(path string) int {
	n, _ := strconv.Atoi(strings.TrimSuffix(filepath.Base(path), ".log"))
	return n
}

// checkJournal reads one journal. torn is the damage found so far: nothing
// that can be read may follow it.
func checkJournal(f io.Reader, torn *error) error {
	drops := dropped{torn}
	jr := journal.NewReader(f, drops, false, true)
	for {
		r, err := jr.Next()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		n, err := io.Copy(io.Discard, r)
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF):
			if *torn == nil {
				*torn = err
			}
		case err != nil:
			return err
		case n > 0 && *torn != nil:
			return fmt.Errorf("a batch is damaged and a later one is not: %w", *torn)
		}
	}
}

type dropped struct{ torn *error }

// Drop implements journal.Dropper.
func (d dropped) Drop(err error) {
	if *d.torn == nil {
		*d.torn = err
	}
}
