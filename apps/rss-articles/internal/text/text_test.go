package text_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/millrace/millrace/apps/rss-articles/internal/text"
)

func TestWords(t *testing.T) {
	tests := []struct{ in, want string }{
		{"Hello, World!", "hello|world"},
		{"Trump's plan doesn't work", "trump|plan|doesnt|work"},
		{"Trump’s ‘plan’", "trump|plan"},
		{"U.S. GDP up 1,500.5 points.", "us|gdp|up|1500.5|points"},
		{"visit example.com now", "visit|example|com|now"},
		{"A.B.C. news", "abc|news"},
		{"mid-2020 COVID-19 5G", "mid|2020|covid|19|5g"},
		{"ＡＢＣ　１２３", "abc|123"},
		{"北京hello大学", "北京|hello|大学"},
		{"コーヒー", "コー|ーヒ|ヒー"},
		{"it's", "it"},
		{"rock'n'roll 'tis", "rocknroll|tis"},
		{"1.2.3", "1.2.3"},
		{"", ""},
		{"的是猫", "的是|是猫"},
		{"\xff\xfe broken \xc3", "broken"},
	}
	for _, tt := range tests {
		if got := strings.Join(text.Words(tt.in, 0), "|"); got != tt.want {
			t.Errorf("Words(%q) = %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestTerms(t *testing.T) {
	tests := []struct{ in, want string }{
		{"The elections of the United States", "elect|unit|state"},
		{"Election", "elect"},
		{"выборы президента", "выбор|президент"},
		{"中国经济", "中国|国经|经济"},
		{"猫", "猫"},
		{"的", ""},
		{"U.S. election 2024", "us|elect|2024"},
		{"東京タワー", "東京|京タ|タワ|ワー"},
		{"i/o", ""},
	}
	for _, tt := range tests {
		if got := strings.Join(text.Terms(tt.in, "", 0), "|"); got != tt.want {
			t.Errorf("Terms(%q) = %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestLimit(t *testing.T) {
	for _, in := range []string{strings.Repeat("word ", 100), strings.Repeat("字典", 100)} {
		if got := text.Words(in, 7); len(got) != 7 {
			t.Errorf("Words gave %d words, want 7", len(got))
		}
		if got := text.Terms(in, "", 7); len(got) != 7 {
			t.Errorf("Terms gave %d terms, want 7", len(got))
		}
	}
}

func TestHugeInputIsBounded(t *testing.T) {
	// NFKC makes 18 characters of this one.
	if n := len(text.Normalize(strings.Repeat("\ufdfa", text.MaxBytes))); n > text.MaxBytes {
		t.Errorf("normal form has %d bytes", n)
	}
	if got := text.Words(strings.Repeat("a", 1<<20), 0); len(got) != 1 || len(got[0]) != text.MaxTokenRunes {
		t.Errorf("a megabyte of a gave %d words", len(got))
	}
}

func FuzzTokens(f *testing.F) {
	for _, s := range []string{"Hello, World", "U.S. 1,500.5", "中国 test's", "\xff\xc3", "a\u0301b", "İstanbul ſ", "ﷺ", "don’t.'s", "ーク"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := text.Normalize(s)
		if len(n) > text.MaxBytes || !utf8.ValidString(n) {
			t.Fatalf("normal form of %q is invalid", s)
		}
		if again := text.Normalize(n); again != n {
			t.Fatalf("Normalize(%q) = %q, and of that %q", s, n, again)
		}
		bytes := 0
		for tok := range text.Tokens(n) {
			if tok.Text == "" || tok.Kind.String() == "unknown" {
				t.Fatalf("bad token %+v in %q", tok, n)
			}
			if tok.Kind != text.Run && utf8.RuneCountInString(tok.Text) > text.MaxTokenRunes*2 {
				t.Fatalf("token of %d bytes", len(tok.Text))
			}
			bytes += len(tok.Text)
		}
		if bytes > len(n) {
			t.Fatalf("tokens have %d bytes, their text %d", bytes, len(n))
		}
		if words := text.Words(s, 0); !slices.Equal(words, text.Words(n, 0)) {
			t.Fatalf("words of %q differ from those of its normal form", s)
		}
		if terms := text.Terms(s, "", 10); len(terms) > 10 || slices.Contains(terms, "") {
			t.Fatalf("bad terms %q", terms)
		}
	})
}

func ExampleTerms() {
	fmt.Println(text.Terms("The Fed's rates are rising", "", 0))
	fmt.Println(text.Terms("央行上调利率", "", 0))
	// Output:
	// [fed rate rise]
	// [央行 行上 上调 调利 利率]
}

func BenchmarkTerms(b *testing.B) {
	s := strings.Repeat("The central bank raised its rates for the second time this year, officials said. ", 50)
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		text.Terms(s, "", 0)
	}
}
