package text

import "strings"

// stopWords are English function words, spelt as [Tokens] gives them (without
// apostrophes). The list is short on purpose: rarity in the stream takes care
// of words that are merely frequent.
var stopWords = set(`
a about above after again against all also am an and any are arent as at be
because been before being below between both but by can cannot cant could
couldnt did didnt do does doesnt doing dont down during each few for from
further had hadnt has hasnt have havent having he her here hers herself him
himself his how i if im in into is isnt it its itself ive just lets me more
most my myself no nor not now of off on once only or other our ours ourselves
out over own same she should shouldnt so some such than that the their theirs
them themselves then there these they theyre theyve this those through to too
under until up upon very via was wasnt we were weve werent what when where
which while who whom why will with wont would wouldnt you your youre yours
yourself yourselves
`)

// stopChars are Chinese function characters (particles, pronouns, the commonest
// verbs and adverbs of grammar) and Japanese particles.
var stopChars = set(`
的 了 是 在 和 与 及 也 都 就 还 又 而 但 或 被 把 将 让 给 对 从 向 于 以 为
之 其 此 这 那 哪 么 什 怎 吗 呢 吧 啊 呀 我 你 他 她 它 们 您 个 些 着 过 地
得 不 没 有 很 更 最 太 会 能 要 上 下 中 里 后 前 所 等 如 若 则 因
の は が を に で と も へ や か よ ね た だ な
`)

func set(words string) map[string]struct{} {
	m := make(map[string]struct{})
	for _, w := range strings.Fields(words) {
		m[w] = struct{}{}
	}
	return m
}

// IsStopWord reports whether a normal word is too common in English to tell one
// text from another.
func IsStopWord(word string) bool {
	_, ok := stopWords[word]
	return ok
}

func isStopChar(r rune) bool {
	_, ok := stopChars[string(r)]
	return ok
}
