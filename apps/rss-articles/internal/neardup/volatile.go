package neardup

import (
	"regexp"

	"github.com/millrace/millrace/apps/rss-articles/internal/text"
)

// volatile matches what feeds scraped from web pages carry along and what
// changes from poll to poll while the article stays: ages ("3 hours ago",
// "6小时前"), counts of comments, bare days ("07-18"), the length of a video in
// front, and the counters of wire services ("UPDATE 2-").
var volatile = regexp.MustCompile(
	`\d+ ?(?:seconds?|minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?) ago\b` +
		`|\d+ ?(?:comments?|replies|views|min(?:ute)?s? read)\b` +
		`|\d+ ?(?:秒钟?|分钟|小时|天|周|个月|月|年)前` +
		`|\d+ ?条?(?:评论|阅读|点赞|回复)|刚刚` +
		`|(?:^| )[01]\d-[0-3]\d(?: |$)` +
		`|^ *\d{1,2}:\d{1,2}(?: |$)` +
		`|^ *update \d+ ?[-:]`)

// stable returns the normal form of s without volatile parts.
func stable(s string) string {
	return volatile.ReplaceAllString(text.Normalize(s), " ")
}
