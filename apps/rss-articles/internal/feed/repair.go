package feed

import "bytes"

// escapeAmpersands escapes the ampersands that begin no entity.
func escapeAmpersands(b []byte) []byte {
	out := make([]byte, 0, len(b)+len(b)/16)
	for {
		i := bytes.IndexByte(b, '&')
		if i < 0 {
			return append(out, b...)
		}
		out = append(out, b[:i+1]...)
		b = b[i+1:]
		if !beginsEntity(b) {
			out = append(out, "amp;"...)
		}
	}
}

// beginsEntity says whether what follows an ampersand is the rest of an entity
// or of a character's number.
func beginsEntity(b []byte) bool {
	b = b[:min(len(b), 34)]
	end := bytes.IndexByte(b, ';')
	if end < 1 {
		return false
	}
	name := b[:end]
	digits := func(c byte) bool { return c >= '0' && c <= '9' }
	letters := func(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
	ok := func(c byte) bool { return digits(c) || letters(c) }
	switch {
	case name[0] != '#':
		if !letters(name[0]) {
			return false
		}
	case len(name) > 2 && name[1]|0x20 == 'x' && len(name) <= 8:
		name = name[2:]
		ok = func(c byte) bool { return digits(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }
	case len(name) > 1 && len(name) <= 8:
		name, ok = name[1:], digits
	default:
		return false
	}
	for _, c := range name {
		if !ok(c) {
			return false
		}
	}
	return true
}

// escapeMarkup is escapeAmpersands, and escapes the angle brackets that begin
// no element. Comments and CDATA stay as they are.
func escapeMarkup(b []byte) []byte {
	b = escapeAmpersands(b)
	out := make([]byte, 0, len(b)+len(b)/16)
	for {
		i := bytes.IndexByte(b, '<')
		if i < 0 {
			return append(out, b...)
		}
		out = append(out, b[:i]...)
		b = b[i:]
		n := 1
		switch {
		case bytes.HasPrefix(b, []byte("<![CDATA[")):
			n = through(b, "]]>")
		case bytes.HasPrefix(b, []byte("<!--")):
			n = through(b, "-->")
		case len(b) > 1 && beginsName(b[1]), len(b) > 2 && (b[1] == '/' || b[1] == '?' || b[1] == '!') && beginsName(b[2]):
		default:
			out = append(out, "&lt;"...)
			b = b[1:]
			continue
		}
		out = append(out, b[:n]...)
		b = b[n:]
	}
}

func beginsName(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == ':' || c >= 0x80
}

// through is the length of b up to and with its first end, or of all of it.
func through(b []byte, end string) int {
	if i := bytes.Index(b, []byte(end)); i >= 0 {
		return i + len(end)
	}
	return len(b)
}

// embedded finds a feed inside a page, nil if there is none.
func embedded(b []byte) []byte {
	for _, x := range []struct{ begin, attribute, end string }{
		{"<feed ", "xmlns=", "</feed>"}, {"<rss ", "version=", "</rss>"}, {"<rdf:RDF ", "xmlns", "</rdf:RDF>"}} {
		from, to := bytes.Index(b, []byte(x.begin)), bytes.LastIndex(b, []byte(x.end))
		if from < 0 || to < from {
			continue
		}
		if tag := b[from : from+through(b[from:], ">")]; bytes.Contains(tag, []byte(x.attribute)) {
			return b[from : to+len(x.end)]
		}
	}
	return nil
}

// closeTruncated ends a document after its last whole item. It returns nil
// when there is none.
func closeTruncated(b []byte) []byte {
	tag, at := "", -1
	for _, t := range []string{"</item>", "</entry>"} {
		if i := bytes.LastIndex(b, []byte(t)); i > at {
			tag, at = t, i
		}
	}
	if at < 0 {
		return nil
	}
	out := append([]byte{}, b[:at+len(tag)]...)
	m := root.FindSubmatch(b)
	name := string(m[1])
	if lower(m[1]) == "rss" {
		out = append(out, "</channel>"...)
	}
	return append(out, "</"+name+">"...)
}
