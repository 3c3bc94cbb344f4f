package feed

import (
	"bytes"
	"fmt"
)

// Reading a document costs up to a thousand times its bytes when it is made of
// the smallest elements, so those are counted first. Real feeds of 10 MiB have
// a tenth of these.
const (
	maxElements = 200_000
	maxTag      = 256 << 10 // bytes between angle brackets
)

// measure returns an error for a document of too many, too long or too deeply
// nested elements. It is no parser: comments and CDATA are skipped, and what is
// malformed is counted somehow.
func measure(b []byte, l Limits) error {
	now, count := 0, 0
	for {
		i := bytes.IndexByte(b, '<')
		if i < 0 || i+1 >= len(b) {
			return nil
		}
		b = b[i:]
		if count++; count > maxElements {
			return fmt.Errorf("%w: more than %d elements", ErrTooLarge, maxElements)
		}
		end := ">"
		switch {
		case bytes.HasPrefix(b, []byte("<!--")):
			end = "-->"
		case bytes.HasPrefix(b, []byte("<![CDATA[")):
			end = "]]>"
		case b[1] == '?', b[1] == '!':
		case b[1] == '/':
			now--
		case !beginsName(b[1]): // a bracket in a text
			b = b[1:]
			continue
		default:
			if now++; now > l.Depth {
				return fmt.Errorf("%w: more than %d elements", ErrTooDeep, l.Depth)
			}
		}
		j := bytes.Index(b, []byte(end))
		if j < 0 {
			j = len(b) - len(end)
		}
		if end == ">" && j > maxTag {
			return fmt.Errorf("%w: an element of more than %d bytes", ErrTooLarge, maxTag)
		}
		if j < 0 {
			return nil
		}
		if end == ">" && j > 0 && b[j-1] == '/' {
			now--
		}
		b = b[j+len(end):]
	}
}

// firstItems ends a document after so many items, before it is parsed.
func firstItems(b []byte, items int) []byte {
	for _, tag := range []string{"</item>", "</entry>"} {
		at, n := 0, 0
		for ; n <= items; n++ {
			i := bytes.Index(b[at:], []byte(tag))
			if i < 0 {
				break
			}
			at += i + len(tag)
			if n == items-1 {
				if cut := closeTruncated(b[:at]); cut != nil {
					return cut
				}
			}
		}
	}
	return b
}
