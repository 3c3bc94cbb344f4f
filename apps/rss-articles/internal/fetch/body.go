package fetch

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"strings"

	"github.com/andybalholm/brotli"
)

// readBody reads and unpacks a body. It reads at most limit bytes of it, and
// returns at most limit bytes; more is errTooLarge.
func readBody(r io.Reader, encodings string, limit int) ([]byte, error) {
	r = &bounded{r: r, left: limit}
	// The encodings are listed in the order in which they were applied.
	list := strings.Split(encodings, ",")
	if len(list) > 2 {
		return nil, encodingError(encodings)
	}
	for i := len(list) - 1; i >= 0; i-- {
		var err error
		if r, err = decoder(r, strings.ToLower(strings.TrimSpace(list[i]))); err != nil {
			return nil, err
		}
		r = &bounded{r: r, left: limit}
	}
	return io.ReadAll(r)
}

func decoder(r io.Reader, encoding string) (io.Reader, error) {
	switch encoding {
	case "", "identity":
		return r, nil
	case "gzip", "x-gzip":
		b := bufio.NewReader(r)
		// Some servers declare what they do not do.
		if magic, err := b.Peek(2); err != nil || magic[0] != 0x1f || magic[1] != 0x8b {
			return b, nil
		}
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, err
		}
		z.Multistream(false) // what follows is rubbish, which some servers send
		return z, nil
	case "br":
		return brotli.NewReader(r), nil
	case "deflate":
		// The standard means zlib's format, and some servers the bare one.
		b := bufio.NewReader(r)
		if head, err := b.Peek(2); err == nil && head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
			return zlib.NewReader(b)
		}
		return flate.NewReader(b), nil
	default:
		return nil, encodingError(encoding)
	}
}

// bounded is a reader that fails when there is more than left bytes.
type bounded struct {
	r    io.Reader
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if len(p) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if n > b.left {
		return b.left, errTooLarge
	}
	b.left -= n
	return n, err
}
