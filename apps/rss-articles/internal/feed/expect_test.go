package feed_test

import (
	"regexp"
	"strconv"
	"strings"
)

// A want is one comparison of a case: the path into feedparser's result, as
// "entries.0.title" or "feed.link", and the text that must be there. A date's
// parts are joined by spaces.
type want struct{ path, value string }

var (
	comparison = regexp.MustCompile(`^(feed|channel|entries)((?:\[-?\w+\]|\[u?'\w+'\]|\[u?"\w+"\]|\.\w+)+)\s*==\s*`)
	subscript  = regexp.MustCompile(`\[u?['"]?([-\w]+)['"]?\]|\.(\w+)`)
)

// expectations reads the Python expression of a case and returns what it
// compares with texts and dates. What it says besides is left out.
func expectations(s string) (list []want) {
	for _, clause := range conjuncts(s) {
		m := comparison.FindStringSubmatch(clause)
		if m == nil {
			continue
		}
		value, ok := literal(clause[len(m[0]):])
		if !ok {
			continue
		}
		path := m[1]
		if path == "channel" {
			path = "feed"
		}
		for _, part := range subscript.FindAllStringSubmatch(m[2], -1) {
			path += "." + part[1] + part[2]
		}
		list = append(list, want{path, value})
	}
	return list
}

// conjuncts splits an expression at "and", but for those within strings.
func conjuncts(s string) (list []string) {
	quote, from := byte(0), 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0 && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case strings.HasPrefix(s[i:], " and "):
			list = append(list, strings.Trim(s[from:i], " ()"))
			from = i + len(" and ")
		}
	}
	last := strings.TrimSpace(s[from:])
	if quote == 0 && strings.Count(last, ")") > strings.Count(last, "(") {
		last = strings.TrimSuffix(last, ")")
	}
	return append(list, strings.TrimLeft(last, "("))
}

// literal is the value of a Python string, or of a tuple of numbers.
func literal(s string) (string, bool) {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "(") && strings.HasSuffix(s, ")") {
		parts := strings.FieldsFunc(s[1:len(s)-1], func(r rune) bool { return r == ',' || r == ' ' })
		return strings.Join(parts, " "), true
	}
	s = strings.TrimPrefix(s, "u")
	if len(s) < 2 || s[0] != '\'' && s[0] != '"' || s[len(s)-1] != s[0] {
		return "", false
	}
	quote := s[0]
	var b strings.Builder
	for s = s[1 : len(s)-1]; s != ""; {
		c := s[0]
		if c == quote { // several strings, which are put together
			return "", false
		}
		if c != '\\' || len(s) < 2 {
			b.WriteByte(c)
			s = s[1:]
			continue
		}
		digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[1]]
		switch {
		case digits > 0 && len(s) >= 2+digits:
			n, err := strconv.ParseUint(s[2:2+digits], 16, 32)
			if err != nil {
				return "", false
			}
			b.WriteRune(rune(n))
		case s[1] == 'n':
			b.WriteByte('\n')
		case s[1] == 't':
			b.WriteByte('\t')
		case s[1] == 'r':
			b.WriteByte('\r')
		case s[1] == '\\', s[1] == '\'', s[1] == '"':
			b.WriteByte(s[1])
		default:
			b.WriteString(s[:2])
		}
		s = s[2+digits:]
	}
	return b.String(), true
}
