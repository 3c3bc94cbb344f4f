package feed

import (
	"bytes"
	"regexp"
	"strings"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode/utf32"
)

// lookup finds an encoding by a name that a publisher gave it: one of the web's
// (https://encoding.spec.whatwg.org/#names-and-labels), or of a code page of
// IBM, Microsoft or Apple by its number, however that is written. It is nil for
// UTF-8 and for names that nobody knows.
func lookup(name string) encoding.Encoding {
	name = strings.ToLower(strings.TrimSpace(name))
	for _, n := range []string{name, strings.ReplaceAll(name, "_", "-")} {
		if enc, canonical := charset.Lookup(n); enc != nil && canonical != "utf-8" {
			return enc
		}
	}
	plain := strings.NewReplacer("-", "", "_", "", " ", "").Replace(name)
	switch plain {
	case "macroman", "mac", "macintosh":
		return charmap.Macintosh
	case "maccyrillic":
		return charmap.MacintoshCyrillic
	}
	if m := pageNumber.FindStringSubmatch(plain); m != nil {
		return page(m[1])
	}
	return nil
}

var pageNumber = regexp.MustCompile(`^(?:cp|ibm|csibm|cspc8codepage|windows|win|ebcdiccp)?0?(\d{2,4})$`)

func page(number string) encoding.Encoding {
	switch number {
	case "37":
		return charmap.CodePage037
	case "437":
		return charmap.CodePage437
	case "850":
		return charmap.CodePage850
	case "852":
		return charmap.CodePage852
	case "855":
		return charmap.CodePage855
	case "858":
		return charmap.CodePage858
	case "860":
		return charmap.CodePage860
	case "862":
		return charmap.CodePage862
	case "863":
		return charmap.CodePage863
	case "865":
		return charmap.CodePage865
	case "1047":
		return charmap.CodePage1047
	case "1140":
		return charmap.CodePage1140
	}
	return nil
}

// wide finds the encodings whose ASCII is not one byte as in ASCII, by the
// first bytes, as XML has it (https://www.w3.org/TR/xml/#sec-guessing); nil for
// all others, and for UTF-16.
func wide(b []byte) encoding.Encoding {
	switch {
	case bytes.HasPrefix(b, []byte{0xff, 0xfe, 0, 0}), bytes.HasPrefix(b, []byte{'<', 0, 0, 0}):
		return utf32.UTF32(utf32.LittleEndian, utf32.UseBOM)
	case bytes.HasPrefix(b, []byte{0, 0, 0xfe, 0xff}), bytes.HasPrefix(b, []byte{0, 0, 0, '<'}):
		return utf32.UTF32(utf32.BigEndian, utf32.UseBOM)
	case bytes.HasPrefix(b, []byte{0x4c, 0x6f, 0xa7, 0x94}): // "<?xm" in EBCDIC
		begin, err := charmap.CodePage037.NewDecoder().Bytes(b[:min(len(b), 400)])
		if enc := lookup(declaredCharset(begin)); err == nil && enc != nil {
			return enc
		}
		return charmap.CodePage037
	}
	return nil
}
