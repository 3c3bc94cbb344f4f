package feed

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	uni "golang.org/x/text/encoding/unicode"
)

// unpack undoes a gzip that nobody declared, within bounds.
func unpack(b []byte, limit int) ([]byte, error) {
	if len(b) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	if !bytes.HasPrefix(b, []byte{0x1f, 0x8b}) {
		return b, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("%w: gzip: %w", ErrMalformed, err)
	}
	out, err := io.ReadAll(io.LimitReader(z, int64(limit)+1))
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("%w: gzip: %w", ErrMalformed, err)
	}
	if len(out) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes when unpacked", ErrTooLarge, limit)
	}
	return out, nil
}

var declared = regexp.MustCompile(`(?i)^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9_.:-]{1,40})["']`)

// toUTF8 finds the encoding of a document: by its byte order mark, by its
// bytes when they are valid UTF-8, by the HTTP header, by its declaration, and
// by what its bytes look like; in this order, since declarations are copied
// from elsewhere more often than bytes lie. UTF-8 that was encoded twice becomes
// what it was.
func toUTF8(b []byte, contentType string) []byte {
	if enc := wide(b); enc != nil {
		return decode(b, enc)
	}
	switch {
	case bytes.HasPrefix(b, []byte{0xef, 0xbb, 0xbf}):
		b = b[3:]
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}), looksUTF16(b, 0):
		return decode(b, uni.UTF16(uni.LittleEndian, uni.UseBOM))
	case bytes.HasPrefix(b, []byte{0xfe, 0xff}), looksUTF16(b, 1):
		return decode(b, uni.UTF16(uni.BigEndian, uni.UseBOM))
	}
	if utf8.Valid(b) && !escapes(b) {
		return encodedOnce(b)
	}
	for _, name := range []string{headerCharset(contentType), declaredCharset(b)} {
		if name == "" {
			continue
		}
		if enc := lookup(name); enc != nil {
			if out := decode(b, enc); good(out) {
				return out
			}
		}
	}
	return guess(b)
}

func headerCharset(contentType string) string {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	return params["charset"]
}

func declaredCharset(b []byte) string {
	if m := declared.FindSubmatch(b[:min(len(b), 400)]); m != nil {
		return string(m[1])
	}
	return ""
}

// looksUTF16 says whether every other byte of the beginning is zero.
func looksUTF16(b []byte, zero int) bool {
	if len(b) < 8 {
		return false
	}
	for i := range 4 {
		if b[2*i+1-zero] != 0 || b[2*i+zero] == 0 {
			return false
		}
	}
	return true
}

// escapes says whether a document uses the escape sequences of ISO-2022, which
// are ASCII.
func escapes(b []byte) bool { return bytes.Contains(b, []byte("\x1b$")) }

func decode(b []byte, enc encoding.Encoding) []byte {
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil {
		return nil
	}
	return bytes.TrimPrefix(out, []byte("\ufeff"))
}

// good says whether a decoding makes sense: nearly no characters that stand
// for undecodable bytes.
func good(b []byte) bool {
	return len(b) > 0 && bytes.Count(b, []byte("\ufffd")) <= len(b)/2000
}

// guess decodes bytes of which nobody says rightly what they are. Mostly
// UTF-8: the stray bytes are taken for Windows-1252, one by one. Else what makes
// up text of a language (sniff), and Windows-1252 where nothing does.
func guess(b []byte) []byte {
	invalid, multi := 0, 0
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			invalid++
		case n > 1:
			multi++
		}
		i += n
	}
	if invalid <= 8 || invalid <= multi/4 {
		return patch(b)
	}
	if enc := sniff(b); enc != nil {
		if out := decode(b, enc); good(out) {
			return out
		}
	}
	return decode(b, charmap.Windows1252)
}

// patch replaces the bytes that are not UTF-8 by what they are in
// Windows-1252.
func patch(b []byte) []byte {
	out := make([]byte, 0, len(b)+16)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			out = utf8.AppendRune(out, charmap.Windows1252.DecodeByte(b[0]))
		} else {
			out = append(out, b[:n]...)
		}
		b = b[n:]
	}
	return out
}

// forXML drops the characters that XML does not allow.
func forXML(b []byte) []byte {
	return bytes.Map(func(r rune) rune {
		switch {
		case r == '\t', r == '\n', r == '\r', r >= 0x20 && r < 0xfffe && r != 0x7f, r > 0xffff:
			return r
		}
		return -1
	}, b)
}

func lower(b []byte) string { return strings.ToLower(string(b)) }

// UTF8 brings a document into UTF-8: of the encoding that its byte order mark,
// its bytes, the HTTP header's charset, its declaration or its looks tell.
func UTF8(b []byte, contentType string) []byte { return toUTF8(b, contentType) }
