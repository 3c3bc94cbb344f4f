package feed

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// parseDate reads a date in any of the forms seen in feeds: those of RFC 822
// with all their mistakes, ISO 8601 whole and in part, the order of American
// and of Asian writing, month names in a dozen languages. It returns the zero
// time for what is none. Without a zone it takes UTC, but for Chinese
// characters China's time.
func parseDate(s string) time.Time {
	s = strings.Join(strings.Fields(s), " ")
	if s == "" || len(s) > 80 {
		return time.Time{}
	}
	if m := numeric.FindStringSubmatch(s); m != nil {
		return m2time(m[1], m[2], m[3], m[4], m[5], m[6], m[7], m[8], time.UTC)
	}
	if m := chinese.FindStringSubmatch(s); m != nil {
		return m2time(m[1], m[2], m[3], m[4], m[5], m[6], "", m[7], time.FixedZone("", 8*3600))
	}
	if m := compact.FindStringSubmatch(s); m != nil {
		return m2time(m[1], m[2], m[3], m[4], m[5], m[6], "", m[7], time.UTC)
	}
	return parseWords(s)
}

var (
	// 2006-01-02T15:04:05.999+01:00, 2006/1/2 15:04 pm, 2006.01.02, 2006-01, 2006
	numeric = regexp.MustCompile(`^(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2})(?:(?:[T ]| T|T )(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,:]\d{1,9})?)? ?([AaPp][Mm])?)?)?)? ?(Z|z|[A-Za-z]{1,5}|(?:GMT|UTC)? ?[+-]\d{1,2}:?\d{0,2})?$`)
	chinese = regexp.MustCompile(`^(\d{4}) ?年 ?(\d{1,2}) ?月 ?(\d{1,2}) ?日? ?(?:(\d{1,2})[:：时](\d{1,2})(?:[:：分](\d{1,2})秒?)?分?)? ?([+-]\d{1,2}:?\d{0,2}|[A-Z]{1,4})?$`)
	compact = regexp.MustCompile(`^(\d{4})(\d{2})(\d{2})(?:T?(\d{2}):?(\d{2}):?(\d{2}))?(Z|[+-]\d{2}:?\d{2})?$`)
	clock   = regexp.MustCompile(`^(\d{1,2})[:.](\d{2})(?:[:.](\d{1,2})(?:[.,]\d+)?)?([AaPp])?\.?(?:[Mm]\.?)?(Z|[+-]\d{2}:?\d{2})?$`)
	offset  = regexp.MustCompile(`^(?:GMT|UTC|UT)?([+-])(\d{1,2}):?(\d{2})?$`)
	plain   = regexp.MustCompile(`^\d{1,4}$`)
)

func m2time(year, month, day, hour, minute, second, half, zone string, loc *time.Location) time.Time {
	n := func(s string, def int) int {
		if s == "" {
			return def
		}
		i, _ := strconv.Atoi(s) // digits, by the pattern
		return i
	}
	if zone != "" {
		l, ok := parseZone(zone)
		if !ok {
			return time.Time{}
		}
		loc = l
	}
	return date(n(year, 0), n(month, 1), n(day, 1), halfDay(n(hour, 0), half), n(minute, 0), n(second, 0), loc)
}

func halfDay(hour int, half string) int {
	switch strings.ToLower(half) {
	case "p", "pm":
		if hour < 12 {
			return hour + 12
		}
	case "a", "am":
		if hour == 12 {
			return 0
		}
	}
	return hour
}

// date is time.Date for what can be on a calendar and a clock. The 24th hour
// and the 60th second exist.
func date(year, month, day, hour, minute, second int, loc *time.Location) time.Time {
	if month < 1 || month > 12 || day < 1 || day > 31 || hour > 24 || minute > 59 || second > 60 {
		return time.Time{}
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, loc)
	if t.IsZero() || year < 1 {
		return time.Time{}
	}
	return t
}

// parseWords reads dates whose month is a word: "Mon, 2 Jan 2006 15:04:05 MST"
// and everything like it, in whatever order.
func parseWords(s string) time.Time {
	var (
		month, hour, minute, second int
		numbers                     []string
		half                        string
		loc                         = time.UTC
		haveClock, haveZone         bool
	)
	words := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' || r == ';' || r == '(' || r == ')' })
	if len(words) > 12 {
		return time.Time{}
	}
	for i := 0; i < len(words); i++ {
		w := words[i]
		if parts := strings.Split(w, "-"); len(parts) == 3 && monthOf(parts[1]) > 0 { // 02-Jan-2006
			words = append(words[:i:i], append(parts, words[i+1:]...)...)
			i--
			continue
		}
		lower := strings.Trim(strings.ToLower(w), ".")
		switch {
		case clock.MatchString(w):
			if haveClock {
				return time.Time{}
			}
			m := clock.FindStringSubmatch(w)
			hour, _ = strconv.Atoi(m[1])
			minute, _ = strconv.Atoi(m[2])
			second, _ = strconv.Atoi(m[3])
			half, haveClock = m[4]+half, true
			if m[5] != "" {
				loc, haveZone = zoneOr(m[5], loc)
			}
		case monthOf(lower) > 0: // the last one: the others are days of the week
			month = monthOf(lower)
		case plain.MatchString(w) && len(numbers) < 3:
			numbers = append(numbers, w)
		case plain.MatchString(strings.TrimRight(lower, "sthndr")) && len(numbers) < 2: // 2nd, 3rd
			numbers = append(numbers, strings.TrimRight(lower, "sthndr"))
		case lower == "am" || lower == "pm" || lower == "a.m" || lower == "p.m":
			half = lower[:1]
		case haveClock && !haveZone:
			// A zone of more than one word ("GMT +0100") is its last.
			loc, haveZone = zoneOr(w, loc)
			if i+1 < len(words) && offset.MatchString(words[i+1]) {
				loc, _ = zoneOr(words[i+1], loc)
				i++
			}
		case strings.IndexFunc(lower, unicode.IsLetter) == 0: // the day of the week, "at", "de"
		default:
			return time.Time{}
		}
	}
	if month == 0 {
		return time.Time{}
	}
	// "03 Apr 02 1500 GMT"
	if !haveClock && len(numbers) == 3 && len(numbers[2]) == 4 && len(numbers[1]) == 2 {
		hour, _ = strconv.Atoi(numbers[2][:2])
		minute, _ = strconv.Atoi(numbers[2][2:])
		numbers = numbers[:2]
	}
	if len(numbers) != 2 {
		return time.Time{}
	}
	day, year := numbers[0], numbers[1]
	if len(day) > 2 {
		day, year = year, day
	}
	d, _ := strconv.Atoi(day)
	y, _ := strconv.Atoi(year)
	switch { // RFC 5322, 4.3
	case len(year) <= 2 && y < 50:
		y += 2000
	case len(year) <= 3:
		y += 1900
	}
	return date(y, month, d, halfDay(hour, half), minute, second, loc)
}

func zoneOr(s string, loc *time.Location) (*time.Location, bool) {
	if l, ok := parseZone(s); ok {
		return l, true
	}
	return loc, false
}

// zones are the names that RFC 822 has, and the others that feeds use with one
// meaning; in hours.
var zones = map[string]float64{
	"UT": 0, "UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
	"AKST": -9, "AKDT": -8, "HST": -10, "AST": -4, "ADT": -3, "NST": -3.5, "NDT": -2.5, "BRT": -3, "ART": -3,
	"BST": 1, "WEST": 1, "CET": 1, "MET": 1, "CEST": 2, "MEST": 2, "EET": 2, "SAST": 2, "EEST": 3, "MSK": 3, "GST": 4, "PKT": 5, "IST": 5.5,
	"ICT": 7, "WIB": 7, "HKT": 8, "SGT": 8, "PHT": 8, "AWST": 8, "JST": 9, "KST": 9, "ACST": 9.5, "AEST": 10, "ACDT": 10.5, "AEDT": 11, "NZST": 12, "NZDT": 13,
	"ET": -5, "CT": -6, "MT": -7, "PT": -8,
}

func parseZone(s string) (*time.Location, bool) {
	s = strings.ToUpper(strings.ReplaceAll(s, " ", ""))
	if hours, ok := zones[s]; ok {
		return time.FixedZone("", int(hours*3600)), true
	}
	m := offset.FindStringSubmatch(s)
	if m == nil {
		return nil, false
	}
	hours, _ := strconv.Atoi(m[2])
	minutes, _ := strconv.Atoi(m[3])
	if hours > 14 || minutes > 59 {
		return nil, false
	}
	seconds := hours*3600 + minutes*60
	if m[1] == "-" {
		seconds = -seconds
	}
	return time.FixedZone("", seconds), true
}

// bounded drops dates that cannot be: before the web, or in the future. A day
// of grace is for clocks and time zones.
func bounded(t, now time.Time) time.Time {
	latest := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	if !now.IsZero() {
		latest = now.Add(24 * time.Hour)
	}
	if t.Year() < 1990 || t.After(latest) {
		return time.Time{}
	}
	return t.UTC()
}
