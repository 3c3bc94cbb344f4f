package e2e

import (
	"fmt"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// byKeyboard does without a pointer what the page is for.
func byKeyboard(b *browser) {
	b.run(chromedp.Navigate(b.url+"/#articles"), chromedp.Reload())
	b.choose("clara")
	b.until("articles", `document.querySelectorAll('#latest .item').length === 30 && document.getElementById('shelf-title').textContent === 'For Clara'`)
	b.run(chromedp.Evaluate[chromedp.Void](`document.activeElement.blur()`))
	b.press(kb.Tab)
	if got := eval[string](b, `document.activeElement.textContent`); got != "Skip to content" {
		b.t.Errorf("the first stop is %q, want the skip link", got)
	}
	b.press(kb.Enter)
	b.until("the skip link leads to the content", `document.activeElement.id === 'main'`)
	b.press("j", "j", "k", "j")
	if got := eval[int](b, `[...document.querySelectorAll('#latest .item')].indexOf(document.activeElement.closest('.item'))`); got != 1 {
		b.t.Errorf("j j k j leads to article %d, want 1", got)
	}
	if got := eval[string](b, `getComputedStyle(document.activeElement).outlineStyle`); got == "none" {
		b.t.Error("the focus cannot be seen")
	}
	b.shot("focus")
	article := eval[string](b, `document.activeElement.closest('.item').dataset.id`)
	pressed := func(act, is string) string {
		return fmt.Sprintf(`document.querySelector('#latest [data-article=%q][data-act=%s]').getAttribute('aria-pressed') === %q`, article, act, is)
	}
	b.press("+")
	b.until("+ judges", pressed("up", "true"))
	b.press("-")
	b.until("- judges", pressed("down", "true")+" && "+pressed("up", "false"))
	b.press("m")
	b.until("m marks as read", pressed("read", "true"))
	b.press("m")
	b.until("m again as unread", pressed("read", "false"))
	b.press("o")
	b.until("o reads the article", `document.body.dataset.view === 'read' && location.hash === '#read/`+article+`' && document.activeElement.id === 'read-title'`)
	b.press("j")
	b.until("j is the next one", `location.hash !== '#read/`+article+`'`)
	b.press("k")
	b.until("k is the one before", `location.hash === '#read/`+article+`' && document.querySelector('#read .prose')`)
	b.press("u")
	b.until("u goes back to it", `document.activeElement.closest('#latest .item.read')?.dataset.id === `+fmt.Sprintf("%q", article))
	b.press(kb.Enter)
	b.until("Enter reads it as well", `document.body.dataset.view === 'read'`)
	b.press(kb.Escape)
	b.until("Escape goes back", `document.body.dataset.view === 'articles' && document.activeElement.closest('#latest .item')`)
	b.press("h")
	b.until("h hides what is read", `document.getElementById('hide-read').checked && !document.querySelector('#latest .item.read')`)
	b.press("h")
	b.until("h shows it again", `document.querySelector('#latest .item.read')`)
	b.press("n")
	b.until("n is the next page", `document.querySelector('#latest-pages').textContent.includes('Page 2') && document.activeElement.closest('#latest .item')`)
	b.press("p")
	b.until("p is the one before", `document.querySelector('#latest-pages').textContent.includes('Page 1')`)
	b.press("/")
	b.until("/ searches", `document.activeElement.id === 'search-text'`)
	b.run(chromedp.Evaluate[chromedp.Void](`document.activeElement.value = ''`)) // the driver sends the slash apart from its key
	b.press("l", "i", "g", "h", "t", "h", "o", "u", "s", "e", "j", kb.Backspace, kb.Enter)
	b.until("the letters are those of the search", `document.querySelector('#results .item') && document.getElementById('search-title').textContent === 'Search: lighthouse'`)
	b.press(kb.Escape, "j")
	b.until("j walks through the results", `document.activeElement.closest('#results .item')`)
	for i, view := range []string{"articles", "foryou", "feeds", "readers", "topology"} {
		b.press(fmt.Sprint(i + 1))
		b.until(fmt.Sprint(i+1, " is ", view), `document.body.dataset.view === '`+view+`'`)
	}
	b.press("?")
	b.until("? tells the keys", `document.getElementById('help').open && document.querySelectorAll('#help-keys dt').length > 15`)
	b.shot("help")
	b.press("3")
	b.until("keys wait for the end of the help", `document.getElementById('help').open && document.body.dataset.view !== 'feeds'`)
	b.click("#keys-on")
	b.press(kb.Escape)
	b.until("Escape ends it", `!document.getElementById('help').open`)
	b.press("3", "?")
	if eval[bool](b, `document.body.dataset.view === 'feeds' || document.getElementById('help').open`) {
		b.t.Error("keys work though they were turned off")
	}
	b.click("#help-open")
	b.click("#keys-on")
	b.press(kb.Escape)
	b.press("4")
	b.until("keys work again", `document.body.dataset.view === 'readers'`)
	b.write("#reader-name", "Grace"+kb.Enter)
	b.until("Enter adds a reader, whose interests are next", `document.activeElement.id === 'reader-grace-interest'`)
	b.run(chromedp.KeyEvent("ocean"), chromedp.KeyEvent(kb.Enter))
	b.until("and an interest", `document.querySelector('[data-reader=grace] .chip')`)
	b.press(kb.Escape, "2")
	b.until("Grace is recommended something", `document.getElementById('shelf-title').textContent === 'For Grace' && document.querySelector('#shelf .item')`)
}

// lightAndDark looks at the colours that the system and the switch ask for.
func lightAndDark(b *browser) {
	const light, dark = "rgb(251, 250, 247)", "rgb(21, 23, 26)"
	is := func(what, want string) {
		b.t.Helper()
		b.until(what+" is "+want, `getComputedStyle(document.body).backgroundColor === '`+want+`'`)
	}
	b.view("articles")
	is("a light system", light)
	b.media(&emulation.MediaFeature{Name: "prefers-color-scheme", Value: "dark"})
	is("a dark system", dark)
	b.click("#theme")
	is("light by the switch", light)
	b.press("t")
	b.media()
	is("dark by the key", dark)
	b.run(chromedp.Reload())
	is("dark after a reload", dark)
	b.shot("dark")
	b.click("#theme")
	is("the system's again", light)
	if got := eval[string](b, `document.getElementById('theme').getAttribute('aria-label')`); got != "Colours: as the system has them" {
		b.t.Errorf("the switch is called %q", got)
	}
}

// onPhone looks at each view in the window of a phone.
func onPhone(b *browser) {
	b.phone()
	b.choose("ada")
	for _, view := range []string{"articles", "foryou", "feeds", "readers", "topology", "search", "read"} {
		switch view {
		case "search":
			b.search("telescope")
			b.until("results", `document.querySelector('#results .item')`)
		case "read":
			b.click("#results .open")
			b.until("an article", `document.querySelector('#read .prose')`)
		default:
			b.view(view)
		}
		b.until(view+" is as wide as the window", `document.documentElement.scrollWidth <= 360`)
		if bad := eval[[]string](b, `[...document.querySelectorAll('button, nav a, select, input:not(.hidden, [type=checkbox])')].filter((e) => e.checkVisibility({visibilityProperty: true}) && e.getBoundingClientRect().height < 24).map((e) => e.outerHTML.slice(0, 200))`); len(bad) > 0 {
			b.t.Errorf("%s: too small for a finger: %v", view, bad)
		}
		b.shot("phone-" + view)
	}
	b.run(chromedp.EmulateViewport(1280, 900))
}

// media makes the browser prefer something, such as a dark page.
func (b *browser) media(features ...*emulation.MediaFeature) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
		b.t.Fatal(err)
	}
}
