package web_test

import (
	"strings"
	"testing"

	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/apps/rss-articles/internal/web"
)

// No feed fills the recommendations while others have something.
func TestRecommendationsAreDiverse(t *testing.T) {
	d, s := start(t)
	shelf := topics.Shelf{Reader: "ada", Updated: now}
	d.Send(topics.Readers.Row("ada", topics.Reader{ID: "ada"}))
	for i, feed := range []string{"a", "a", "a", "a", "b", "c"} {
		e := entry(feed+string(rune('0'+i)), now)
		e.Feed = "https://" + feed + ".example/feed"
		d.Send(topics.Articles.Row(e.ID, e))
		shelf.Items = append(shelf.Items, topics.Recommendation{Article: e.ID, Title: e.Title, URL: e.URL, Published: now, Score: float64(9 - i)})
	}
	d.Send(topics.Recommendations.Row("ada", shelf))
	var got []string
	for _, i := range get[struct{ Items []web.Recommended }](t, s.Handler(), "/v1/readers/ada/recommendations").Items {
		got = append(got, i.Article)
	}
	if s := strings.Join(got, " "); s != "a0 a1 b4 c5 a2 a3" {
		t.Errorf("the order is %s", s)
	}
}
