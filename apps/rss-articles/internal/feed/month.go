package feed

import "strings"

// months are the beginnings of month names, as far as feeds use them, each
// long enough to be of one month only: English, German, French, Spanish,
// Italian, Portuguese, Dutch, Danish, Swedish, Polish, Turkish and Russian.
var months = [12]string{
	"jan janv ene gen stycz sty oca янв",
	"feb févr fevr fev lut şub sub фев",
	"mar mär maer mrt maart mars marc marz mär мар",
	"apr avr abr kwi nis апр",
	"may mai mag maj mei maio mayıs mayis май мая",
	"jun juin giu cze haz июн",
	"jul juil lug lip tem июл",
	"aug août aout ago sie ağu agu авг",
	"sep sept set wrz eyl сен",
	"oct okt ott out paź paz eki окт",
	"nov lis kas ноя",
	"dec dez déc dic gru ara des дек",
}

// monthOf returns the number of a month by its name in lower case or its
// beginning, 0 for another word. Words that are longer than any month's
// abbreviation are compared by their beginning. Some words are a month in one
// language and a day of the week in another ("mar").
func monthOf(s string) int {
	s = strings.TrimRight(strings.ToLower(s), ".")
	if n := len([]rune(s)); n < 3 || n > 12 {
		return 0
	}
	best, length := 0, 0
	for i, names := range months {
		for _, name := range strings.Fields(names) {
			if strings.HasPrefix(s, name) && len(name) > length {
				best, length = i+1, len(name)
			}
		}
	}
	return best
}
