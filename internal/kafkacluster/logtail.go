package kafkacluster

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// lastLines returns the last n lines of b.
func lastLines(b []byte, n int) string {
	lines := bytes.Split(bytes.TrimRight(b, "\n"), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-n):], []byte("\n")))
}

// readTail returns at most the last max bytes of a file; what cannot be read counts as empty, because this
// only adds to an error.
func readTail(path string, max int64) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && st.Size() > max {
		if _, err := f.Seek(-max, io.SeekEnd); err != nil {
			return nil
		}
	}
	b, _ := io.ReadAll(io.LimitReader(f, max))
	return b
}

// death describes how a broker's process ended, with the end of its log. A broker that fails before its
// logging works, and a virtual machine that does not start, write to console.log.
func (n *node) death(cause error) *BrokerError {
	path := filepath.Join(n.dir, "server.log")
	text := readTail(path, 64<<10)
	if console := readTail(filepath.Join(n.dir, "console.log"), 64<<10); len(text) == 0 || bytes.Contains(console, []byte("OutOfMemoryError")) {
		path, text = filepath.Join(n.dir, "console.log"), console
	}
	e := &BrokerError{Node: n.id, Err: cause, Log: lastLines(text, 25), Path: path}
	if bytes.Contains(text, []byte("Address already in use")) {
		e.Err = fmt.Errorf("%w (%d or %d): %w", ErrPortTaken, n.port, n.controllerPort, cause)
	}
	return e
}
