package feed

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// twice encodes a text a second time, as what takes UTF-8 for Windows-1252 does.
func twice(s string) string {
	var b strings.Builder
	for i := range len(s) {
		r := charmap.Windows1252.DecodeByte(s[i])
		if r == utf8.RuneError {
			r = rune(s[i])
		}
		b.WriteRune(r)
	}
	return b.String()
}

func TestEncodedTwice(t *testing.T) {
	const rss = `<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>F</title><item><title>TITLE</title><link>https://e.example/</link></item></channel></rss>`
	for name, title := range map[string]string{
		"accents":                "Actualités : l’été à Orléans « en bref » – 5 €",
		"all of Latin-1's signs": "¡¢£¤¥¦§¨©ª«¬®¯°±²³´µ¶·¸¹º»¼½¾¿ ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏ ÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞß àáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ",
		"Cyrillic":               "Яндекс Новости Москва",
		"Chinese":                "北京 的 天气",
		"one sign":               "© 2026",
		"emoji and more":         "🍺 Grüße aus Österreich",
	} {
		for times, text := range []string{title, twice(title), twice(twice(title))} {
			f, err := Parse([]byte(strings.Replace(rss, "TITLE", text, 1)), Hints{})
			if err != nil || len(f.Items) != 1 || f.Items[0].Title != title {
				t.Errorf("%s, encoded %d times more: %+v, %v", name, times, f, err)
			}
		}
	}
	for name, title := range map[string]string{
		"about it":                "Why does it say Ã© and not é?",
		"about it, in quotes":     "What “Ã©” means",
		"a German quotation":      "Nur „Spaß“",
		"a quotation and no more": "SPAß“",
		"capitals in French":      "CAFÉ » FERMÉ »",
		"Portuguese":              "IRMÃ E PAÍS",
	} {
		f, err := Parse([]byte(strings.Replace(rss, "TITLE", title, 1)), Hints{})
		if err != nil || len(f.Items) != 1 || f.Items[0].Title != title {
			t.Errorf("%s is changed: %+v, %v", name, f, err)
		}
	}
}
