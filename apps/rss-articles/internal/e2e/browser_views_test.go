package e2e

import (
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// byKeyboard reads, judges and opens an article and edits a reader without a
// pointer.
func byKeyboard(b *browser, a *instance) {
	b.run(chromedp.Navigate(a.URL+"/#articles"), chromedp.Reload())
	b.until("articles", `document.querySelectorAll('#latest .item').length >= 30`)
	b.run(chromedp.KeyEvent(kb.Tab))
	if got := eval[string](b, `document.activeElement.textContent`); got != "Skip to content" {
		b.t.Errorf("the first stop is %q, want the skip link", got)
	}
	b.run(chromedp.KeyEvent(kb.Enter))
	b.until("the skip link leads to the content", `document.activeElement.id === 'main'`)
	b.run(chromedp.KeyEvent("j"), chromedp.KeyEvent("j"), chromedp.KeyEvent("k"), chromedp.KeyEvent("j"))
	if got := eval[int](b, `[...document.querySelectorAll('#latest .item')].indexOf(document.activeElement.closest('.item'))`); got != 1 {
		b.t.Errorf("j j k j leads to article %d, want 1", got)
	}
	if got := eval[string](b, `getComputedStyle(document.activeElement).outlineStyle`); got == "none" {
		b.t.Error("the focus cannot be seen")
	}
	b.shot("focus")
	article := eval[string](b, `document.activeElement.closest('.item').dataset.id`)
	b.run(chromedp.KeyEvent("+"))
	b.until("+ judges", `document.querySelector('[data-article="`+article+`"][data-judge=up]').getAttribute('aria-pressed') === 'true'`)
	before := eval[int](b, `performance.getEntriesByType('resource').filter((r) => r.name.endsWith('/v1/clicks')).length`)
	b.run(chromedp.KeyEvent(kb.Enter))
	b.until("Enter opens, and is noted", `performance.getEntriesByType('resource').filter((r) => r.name.endsWith('/v1/clicks')).length > `+string(rune('0'+before)))
	b.run(chromedp.KeyEvent("3"))
	b.until("3 is the readers", `document.body.dataset.view === 'readers'`)
	b.write("#reader-name", "Grace"+kb.Enter)
	b.until("Enter adds a reader, whose interests are next", `document.activeElement.id === 'reader-grace-interest'`)
	b.run(chromedp.KeyEvent("ocean"), chromedp.KeyEvent(kb.Enter))
	b.until("and an interest", `document.querySelector('[data-reader=grace] .chip')`)
	eventually(b.t, "Grace is recommended something", func() bool {
		var shelf struct{ Items []any }
		return a.get("/v1/tables/recommendations/grace", &shelf) == 200 && len(shelf.Items) > 0
	})
	// Everything that can be used has a name for screen readers.
	if bad := eval[[]string](b, `[...document.querySelectorAll('button, input, select, a[href]')].filter((e) =>
		!(e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length)).map((e) => e.outerHTML.slice(0, 200))`); len(bad) > 0 {
		b.t.Errorf("without a name: %v", bad)
	}
}

// onPhone looks at each view in the window of a phone.
func onPhone(b *browser) {
	b.phone()
	for _, view := range []string{"articles", "foryou", "feeds", "readers", "topology"} {
		b.view(view)
		b.until(view+" is as wide as the window", `document.documentElement.scrollWidth <= 360`)
		if bad := eval[[]string](b, `[...document.querySelectorAll('button, nav a, select')].filter((e) => e.offsetParent && e.getBoundingClientRect().height < 24).map((e) => e.outerHTML.slice(0, 200))`); len(bad) > 0 {
			b.t.Errorf("%s: too small for a finger: %v", view, bad)
		}
		b.shot("phone-" + view)
	}
	b.media(&emulation.MediaFeature{Name: "prefers-color-scheme", Value: "dark"})
	b.view("articles")
	light := eval[string](b, `getComputedStyle(document.body).backgroundColor`)
	if light != "rgb(21, 23, 26)" {
		b.t.Errorf("in the dark the page is %s", light)
	}
	b.shot("phone-dark")
	b.run(chromedp.EmulateViewport(1280, 900))
	b.shot("dark")
	b.media()
}

// media makes the browser prefer something, such as a dark page.
func (b *browser) media(features ...*emulation.MediaFeature) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
		b.t.Fatal(err)
	}
}
