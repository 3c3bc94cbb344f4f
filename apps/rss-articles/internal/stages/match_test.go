package stages_test

import (
	"strings"
	"testing"

	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

func TestInterests(t *testing.T) {
	articles := []struct{ title, text, tag string }{
		{"Machines and language", "Learning a language is hard for machines.", "science"},
		{"Machine learning at work", "How machine learning changes offices.", "work"},
		{"人工智能改变世界", "研究人员说人工智能发展迅速。", "科技"},
		{"Football tonight", "Two games are on.", "sport"},
	}
	tests := map[string]struct {
		interests []string
		want      string
	}{
		"word":             {[]string{"footballs"}, "Football tonight"},
		"words, any order": {[]string{"language machine"}, "Machines and language"},
		"phrase":           {[]string{`"machine learning"`}, "Machine learning at work"},
		"chinese":          {[]string{"人工智能"}, "人工智能改变世界"},
		"other chinese":    {[]string{"智能手机"}, ""},
		"tag":              {[]string{"tag:Sport"}, "Football tonight"},
		"feed":             {[]string{"feed:https://zh.example/feed"}, "人工智能改变世界"},
		"unknown":          {[]string{"opera"}, ""},
		"nothing":          {nil, ""},
		"stop word":        {[]string{"the"}, ""},
	}
	d := driver(t)
	for name, tt := range tests {
		d.Pipe(reader("first "+name, tt.interests...))
	}
	for i, a := range articles {
		f := map[bool]string{true: "zh", false: "en"}[a.tag == "科技"]
		d.Pipe(item(f, "https://a.example/"+a.tag, a.title, a.text, i, a.tag))
	}
	for name, tt := range tests {
		d.Pipe(reader("later "+name, tt.interests...))
		expect(t, "first "+name, shelf(d, "first "+name), tt.want)
		expect(t, "later "+name, shelf(d, "later "+name), tt.want)
	}
}

func TestWeightsAndLanguages(t *testing.T) {
	d := driver(t)
	d.Send(topics.Readers.Row("r", topics.Reader{ID: "r", Languages: []string{"en"},
		Interests: []topics.Interest{{Text: "cup"}, {Text: "bank", Weight: 3}, {Text: "tag:ads", Weight: -5}, {Text: "世界"}}}))
	d.Send(item("a", "https://a.example/1", goal, goal2, 0), item("a", "https://a.example/2", bank, bank2, 0),
		item("a", "https://a.example/3", "A cup of tea from the tea bank", "", 0, "ads"), item("a", "https://a.example/4", "人工智能改变世界", "", 0))
	expect(t, "shelf", shelf(d, "r"), bank+" | "+goal)
	reasons := pipelinetest.Rows(d, topics.Recommendations)["r"].Items[0].Reasons
	if len(reasons) != 1 || reasons[0].Term != "bank" || reasons[0].Source != "interest" || reasons[0].Score <= 0 {
		t.Errorf("reasons: %+v", reasons)
	}
}

func TestClicksTeach(t *testing.T) {
	d := driver(t)
	d.Send(reader("r"), item("a", "https://a.example/1", goal, goal2, 0), item("a", "https://a.example/2", bank, bank2, 1))
	d.Send(item("a", "https://a.example/3", "Cup final: how the goal was made", "", 2))
	expect(t, "shelf", shelf(d, "r"), "")
	d.Send(click("r", "https://a.example/1", topics.ClickOpen, 3))
	expect(t, "shelf", shelf(d, "r"), "Cup final: how the goal was made")
	if r := pipelinetest.Rows(d, topics.Recommendations)["r"].Items[0].Reasons[0]; r.Source != "click" || !strings.Contains("cup final goal", r.Term) {
		t.Errorf("reason: %+v", r)
	}
	d.Send(item("b", "https://b.example/1", "Banks and interest rates", "", 4), click("r", "https://a.example/2", topics.ClickUp, 5))
	expect(t, "shelf", shelf(d, "r"), "Banks and interest rates | Cup final: how the goal was made")
	d.Send(click("r", "https://a.example/1", topics.ClickDown, 6))
	expect(t, "shelf", shelf(d, "r"), "Banks and interest rates")
}

func TestReadersChangeAndGo(t *testing.T) {
	d := driver(t)
	d.Send(item("a", "https://a.example/1", goal, goal2, 0), item("a", "https://a.example/2", bank, bank2, 1))
	d.Send(reader("r", "goal"))
	expect(t, "shelf", shelf(d, "r"), goal)
	d.Send(reader("r", "bank"))
	expect(t, "shelf", shelf(d, "r"), bank)
	d.Send(topics.Readers.Deleted("r"))
	d.Expect(topics.Recommendations.Deleted("r"))
	d.Send(item("a", "https://a.example/3", "Bank on this", "", 2))
	d.Expect(topics.Recommendations.Deleted("r"))
}
