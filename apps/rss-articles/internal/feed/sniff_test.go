package feed

import (
	"strings"
	"testing"

	"golang.org/x/net/html/charset"
)

func TestUndeclaredEncodings(t *testing.T) {
	texts := map[string]string{
		"zh": "城里的新地铁线路今天开通，记者在车站看到，来试乘的市民排起了长队。这是本市的第五条地铁。",
		"tw": "城裡的新捷運路線今天開通，記者在車站看到，來試乘的市民排起了長隊。這是本市的第五條捷運。",
		"ja": "新しい地下鉄の路線が今日から走り始めました。駅には朝から多くの人が並んでいます。",
		"ko": "새로운 지하철 노선이 오늘 개통되었다. 역에는 아침부터 많은 사람들이 줄을 서고 있다.",
		"ru": "Сегодня в городе открылась новая линия метро. С утра на станции выстроилась очередь из жителей.",
		"fr": "La nouvelle ligne de métro a été inaugurée aujourd'hui à Besançon. « Très réussie », a déclaré une élève étonnée, près du théâtre où fêtes et cérémonies créèrent la gêne.",
		"de": "Die neue U-Bahn-Strecke wurde heute eröffnet. Über tausend Gäste fuhren für ein Lächeln früh am Morgen in die Höhe und zurück, später hörte man Gelächter.",
	}
	for _, tt := range []struct{ lang, charset string }{
		{"zh", "gbk"}, {"zh", "gb18030"}, {"tw", "big5"}, {"ja", "shift_jis"}, {"ja", "euc-jp"}, {"ko", "euc-kr"},
		{"ru", "koi8-r"}, {"ru", "windows-1251"}, {"ru", "iso-8859-5"}, {"fr", "windows-1252"}, {"fr", "iso-8859-1"}, {"de", "iso-8859-1"},
	} {
		want := texts[tt.lang]
		enc, _ := charset.Lookup(tt.charset)
		title, err := enc.NewEncoder().String(want)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range []string{"", `<?xml version="1.0" encoding="utf-8"?>`} {
			f, err := Parse([]byte(declaration+`<rss version="2.0"><channel><item><title>`+title+`</title></item></channel></rss>`), Hints{})
			if err != nil || f.Items[0].Title != want {
				t.Errorf("%s in %s with %q: %v, %+v", tt.lang, tt.charset, declaration, err, f)
			}
		}
	}
}

// TestExternalEntities reads documents that ask for files and other servers.
func TestExternalEntities(t *testing.T) {
	for _, doctype := range []string{
		`<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>`,
		`<!DOCTYPE r [<!ENTITY x PUBLIC "a" "file:///etc/passwd">]>`,
		`<!DOCTYPE r SYSTEM "http://127.0.0.1:1/x.dtd" [<!ENTITY % y SYSTEM "file:///etc/passwd"> %y;]>`,
	} {
		doc := doctype + `<rss version="2.0"><channel><title>F</title><item><title>a &x; b</title><description>&x;</description></item></channel></rss>`
		f, err := Parse([]byte(doc), Hints{})
		if err != nil {
			continue // refused as well
		}
		for _, i := range f.Items {
			if s := i.Title + i.Summary; strings.Contains(s, "root") || strings.Contains(s, "/bin/") {
				t.Errorf("%s: %+v", doctype, i)
			}
		}
	}
}

func TestEntitiesThatExpand(t *testing.T) {
	doc := `<!DOCTYPE r [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><rss version="2.0"><channel><item><title>&b;</title></item></channel></rss>`
	if _, err := Parse([]byte(doc), Hints{}); err == nil || !strings.Contains(err.Error(), "entities") {
		t.Errorf("entities made of entities: %v", err)
	}
	doc = `<!DOCTYPE r [<!ENTITY nbsp "&#160;">]><rss version="2.0"><channel><item><title>a&nbsp;b</title></item></channel></rss>`
	if f, err := Parse([]byte(doc), Hints{}); err != nil || len(f.Items) != 1 {
		t.Errorf("an entity that is a character: %v", err)
	}
}
