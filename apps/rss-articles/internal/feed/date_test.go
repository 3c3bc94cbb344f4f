package feed

import (
	"testing"
	"time"
)

func TestParseDate(t *testing.T) {
	for in, want := range map[string]string{
		"Wed, 09 Mar 2016 13:00:00 EST":      "2016-03-09T18:00:00Z",
		"Wed, 09 Mar 2016 13:00:00 +0100":    "2016-03-09T12:00:00Z",
		"Wed, 09 Mar 2016 13:00:00 GMT+0100": "2016-03-09T12:00:00Z",
		"Wed, 9 March 2016 13:00":            "2016-03-09T13:00:00Z",
		"09 Mar 16 13:00 Z":                  "2016-03-09T13:00:00Z",
		"9-Mar-2016 13:00:00 -05:00":         "2016-03-09T18:00:00Z",
		"Sat, Dec 16 2023 02:02:33 PM":       "2023-12-16T14:02:33Z",
		"March 2nd, 2016 at 12:05am":         "2016-03-02T00:05:00Z",
		"Wed Oct 26 09:10:23 CEST 2016":      "2016-10-26T07:10:23Z",
		"03 Apr 02 1500 GMT":                 "2002-04-03T15:00:00Z",
		"mer, 16 nov 2022 00:38:15 +0100":    "2022-11-15T23:38:15Z",
		"mar, 15 nov 2022 00:38:15 +0100":    "2022-11-14T23:38:15Z",
		"Seg, 24 Set 2018 19:42:40 -0300":    "2018-09-24T22:42:40Z",
		"Mi, 7 Dez 2022 10:00:00 +0100":      "2022-12-07T09:00:00Z",
		"Пн, 5 дек 2022 10:00:00 MSK":        "2022-12-05T07:00:00Z",
		"2 janvier 2020":                     "2020-01-02T00:00:00Z",
		"2000-01-01T12:00+00:00":             "2000-01-01T12:00:00Z",
		"2003-12-31T10:14:55.123Z":           "2003-12-31T10:14:55Z",
		"2003-12-31T10:14:55+0100":           "2003-12-31T09:14:55Z",
		"2003-12-31 10:14:55 PST":            "2003-12-31T18:14:55Z",
		"2003-12-31 10:14 pm":                "2003-12-31T22:14:00Z",
		"2003-12":                            "2003-12-01T00:00:00Z",
		"2003":                               "2003-01-01T00:00:00Z",
		"2003/12/31":                         "2003-12-31T00:00:00Z",
		"20031231T101455Z":                   "2003-12-31T10:14:55Z",
		"20031231":                           "2003-12-31T00:00:00Z",
		"2025年12月31日 18:00":                  "2025-12-31T10:00:00Z",
		"2025年1月2日":                          "2025-01-01T16:00:00Z",
		"Sun, 31 Dec 2006 24:00:00 GMT":      "2007-01-01T00:00:00Z",
		"":                                   "",
		"yesterday":                          "",
		"Feb":                                "",
		"13 13 2013":                         "",
		"2003-13-01":                         "",
		"Wed, 99 Mar 2016 13:00:00 GMT":      "",
		"10:00 11:00 Mar 2016":               "",
		". , ; - Mar":                        "",
	} {
		got := ""
		if d := parseDate(in); !d.IsZero() {
			got = d.UTC().Format(time.RFC3339)
		}
		if got != want {
			t.Errorf("parseDate(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzDate also checks that what Go formats is read rightly.
func FuzzDate(f *testing.F) {
	f.Add("Wed, 09 Mar 2016 13:00:00 EST", int64(1457528400))
	f.Add("2025年12月31日 18:00", int64(0))
	f.Add("20031231T10:14", int64(-1))
	f.Fuzz(func(t *testing.T, s string, at int64) {
		parseDate(s)
		bounded(parseDate(s), time.Time{})
		want := time.Unix(at%(1<<31), 0).UTC()
		for _, layout := range []string{time.RFC1123, time.RFC1123Z, time.RFC3339, time.ANSIC, time.UnixDate, "2 January 2006 15:04:05 -0700", "2006/01/02 15:04:05"} {
			if got := parseDate(want.Format(layout)); !got.Equal(want) {
				t.Fatalf("%q is read as %v", want.Format(layout), got)
			}
		}
	})
}
