package sample

import "github.com/millrace/millrace/apps/rss-articles/internal/topics"

// Readers returns people who would read the sample feeds. Each finds some
// articles at once.
func Readers() []topics.Reader {
	return []topics.Reader{
		{ID: "ada", Name: "Ada", Languages: []string{"en"}, Interests: interests(
			"astronomy", "telescope", "space", "comet", "mathematics")},
		{ID: "ben", Name: "Ben", Languages: []string{"en"}, Interests: append(interests(
			"open source", "compiler", "databases", "chips", "exactly once"), topics.Interest{Text: "tag:games", Weight: -1})},
		{ID: "clara", Name: "Clara", Languages: []string{"en"}, Interests: interests(
			"film", "museum", "novel", "opera", "tag:theatre")},
		{ID: "dilip", Name: "Dilip", Languages: []string{"en"}, Interests: interests(
			"football", "penalty shootout", "cycling", "marathon", "goalkeeper")},
		{ID: "eva", Name: "Eva", Interests: interests(
			"climate", "glacier", "ocean", "气候", "冰川", "海洋")},
		{ID: "xiaolin", Name: "小林", Languages: []string{"zh"}, Interests: interests(
			"人工智能", "芯片", "高铁", "机器人", "开源")},
		{ID: "amei", Name: "阿梅", Languages: []string{"zh"}, Interests: interests(
			"考古", "博物馆", "电影", "读书", "美食")},
	}
}

func interests(texts ...string) []topics.Interest {
	list := make([]topics.Interest, len(texts))
	for i, t := range texts {
		list[i].Text = t
	}
	return list
}
