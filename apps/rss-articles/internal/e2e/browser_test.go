package e2e

import (
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/millrace/millrace/apps/rss-articles/internal/run"
)

// feedServer serves one feed whose articles nobody else has, and the picture of
// one, of which it counts the requests.
func feedServer(t *testing.T) (address string, pictures *atomic.Int32) {
	pictures = &atomic.Int32{}
	var s *httptest.Server
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/lighthouse.png" {
			pictures.Add(1)
			_ = png.Encode(w, image.NewGray(image.Rect(0, 0, 40, 30)))
			return
		}
		w.Header().Set("Content-Type", "application/rss+xml")
		fmt.Fprintf(w, `<rss version="2.0"><channel><title>Tide tables</title><link>https://tides.example/</link>
			<item><title>&lt;b&gt;Zeppelin&lt;/b&gt; moored &lt;script&gt;window.hacked=1&lt;/script&gt; at the lighthouse</title>
			<link>https://tides.example/zeppelin</link><pubDate>%s</pubDate>
			<description>&lt;p&gt;A zeppelin was &lt;em&gt;moored&lt;/em&gt; at the lighthouse for the first time in eighty years.&lt;/p&gt;
			&lt;h2&gt;What comes next&lt;/h2&gt;&lt;ul&gt;&lt;li&gt;It leaves &lt;a href="/leaves"&gt;with the tide&lt;/a&gt;.&lt;/li&gt;&lt;/ul&gt;
			&lt;img src="https://tides.example/pixel.gif" width="1" height="1"&gt;&lt;img src="%s/lighthouse.png" alt="The lighthouse"&gt;
			&lt;script&gt;window.hacked=1&lt;/script&gt;</description></item>
			</channel></rss>`, time.Now().UTC().Format(time.RFC1123Z), s.URL)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/tides.xml", pictures
}

// TestBrowser uses the page as a person does, with a pointer.
func TestBrowser(t *testing.T) {
	chromium(t)
	a := start(t, run.Config{State: oldState(t), AllowPrivate: true})
	b := openBrowser(t, a.URL)
	b.until("articles appear by themselves", `document.querySelectorAll('#latest .item').length === 30`)
	b.until("the page is live", `document.getElementById('connection').textContent === 'live'`)
	a.settle() // while articles come, the first one moves to the second page
	b.until("what is newest is shown", newestIsShown)
	for _, step := range []struct {
		name string
		do   func(*browser)
	}{
		{"long lists are paged", paging},
		{"copies are under their original", copies},
		{"recommendations say why", recommended},
		{"an article is read", readAnArticle},
		{"a search finds articles", searches},
		{"what is read is hidden", hidesRead},
		{"a list that is late takes no mark back", staleList},
		{"a thumb up changes recommendations", thumbUp},
		{"a thumb down changes recommendations", thumbDown},
		{"feeds come and go", feedsComeAndGo},
		{"subscriptions as OPML", subscriptions},
		{"readers and interests come and go", readersComeAndGo},
		{"the topology is drawn", topologyDrawn},
		{"the keyboard is enough", byKeyboard},
		{"light and dark", lightAndDark},
		{"everybody can use it", accessibility},
		{"on a phone", onPhone},
	} {
		t.Run(step.name, func(t *testing.T) {
			b.t = t
			step.do(b)
		})
		b.t = t
		if t.Failed() {
			return // what follows builds on it
		}
	}
	b.wellBehaved()
}

const newestIsShown = `fetch('/v1/articles?limit=1').then((r) => r.json()).then((p) => p.items[0].title === document.querySelector('#latest .open').textContent)`

// The document never holds more than a page of articles.
func paging(b *browser) {
	first := b.text("#latest .open")
	b.shot("latest")
	b.click("#latest-pages [data-page=later]")
	b.until("the second page", `document.querySelector('#latest-pages').textContent.includes('Page 2') && document.querySelectorAll('#latest .item').length === 30`)
	if eval[bool](b, fmt.Sprintf(`[...document.querySelectorAll('#latest .open')].some((e) => e.textContent === %q)`, first)) {
		b.t.Errorf("%q is on both pages", first)
	}
	b.until("the last page", `document.querySelector('#latest-pages [data-page=later]').disabled || document.querySelector('#latest-pages [data-page=later]').click()`)
	if n := eval[int](b, `document.querySelectorAll('#latest .item').length`); n == 0 || n > 30 {
		b.t.Errorf("%d articles on the last page", n)
	}
	b.until("the first page again", `document.querySelector('#latest-pages [data-page=earlier]').disabled || document.querySelector('#latest-pages [data-page=earlier]').click()`)
	b.until("what is newest", newestIsShown)
}

func copies(b *browser) {
	b.search("ferries")
	b.until("an article with copies", `document.querySelector('#results .copies li a')`)
	if rel := eval[string](b, `document.querySelector('#results .copies li a').rel`); !strings.Contains(rel, "noopener") {
		b.t.Errorf("the link to a copy has rel=%q", rel)
	}
	b.shot("copies")
	b.view("articles")
}

func recommended(b *browser) {
	b.choose("ada")
	b.until("recommendations for Ada", `document.getElementById('shelf-title').textContent === 'For Ada' && document.querySelectorAll('#shelf .item').length > 2`)
	if !eval[bool](b, `[...document.querySelectorAll('#shelf .item')].every((i) => i.querySelector('.reason'))`) {
		b.t.Error("a recommendation has no reason")
	}
	b.shot("articles")
	// Any feed reader can follow them.
	for id, kind := range map[string]string{"shelf-atom": "atom+xml", "shelf-json": "feed+json"} {
		if got := eval[string](b, fmt.Sprintf(`document.getElementById(%q).pathname`, id)); !strings.HasPrefix(got, "/v1/readers/ada/feed.") {
			b.t.Errorf("%s leads to %s", id, got)
		}
		b.until("a feed of type "+kind, fmt.Sprintf(`fetch(document.getElementById(%q).href).then((r) => r.headers.get('Content-Type').includes(%q))`, id, kind))
		b.until("the browser is told of it", fmt.Sprintf(`document.querySelector('link[rel=alternate][type$=%q]')`, kind))
	}
}

// readAnArticle opens a recommendation, which says why it is one, and comes back.
func readAnArticle(b *browser) {
	title := b.text("#shelf .open")
	b.click("#shelf .open")
	b.until("the reading view", fmt.Sprintf(`document.body.dataset.view === 'read' && document.getElementById('read-title').textContent === %q`, title))
	b.until("its text", `document.querySelector('#read .prose p').textContent.length > 100`)
	b.until("its source and time", `document.querySelector('#read .source').textContent && document.querySelector('#read .meta time')`)
	b.until("the reasons", `document.querySelector('#read .why .reason')`)
	b.until("it is marked as read", `document.querySelector('#read [data-act=read]').getAttribute('aria-pressed') === 'true'`)
	if got := eval[string](b, `[document.activeElement.id, document.getElementById('read-out').rel, document.getElementById('read-out').target].join()`); got != "read-title,noopener noreferrer,_blank" {
		b.t.Errorf("focus and link are %s", got)
	}
	b.shot("read")
	b.click("#read-next")
	b.until("the next one", fmt.Sprintf(`document.getElementById('read-title').textContent !== %q && document.querySelector('#read .prose p')`, title))
	b.click("#read-previous")
	b.until("and back to it", fmt.Sprintf(`document.getElementById('read-title').textContent === %q && document.querySelector('#read .prose p')`, title))
	b.click("#read-back")
	b.until("the list, at the article that was read", fmt.Sprintf(`document.body.dataset.view === 'articles' && document.activeElement.textContent === %q && document.activeElement.closest('#shelf .item.read')`, title))
}

func searches(b *browser) {
	b.search("telescope")
	b.until("articles with the word", `document.querySelectorAll('#results .item').length > 1 && document.querySelectorAll('#results .item:has(mark)').length > 1`)
	b.shot("search")
	b.search(`the -"the harbour"`)
	b.until("a search that fills more than a page", `document.querySelectorAll('#results .item').length === 20 && /of \d+/.test(document.getElementById('search-pages').textContent)`)
	first := b.text("#results .open")
	b.click("#search-pages [data-page=later]")
	b.until("its second page", fmt.Sprintf(`location.hash.includes('offset=20') && document.querySelector('#results .open') && document.querySelector('#results .open').textContent !== %q`, first))
	b.run(chromedp.NavigateBack())
	b.until("the browser goes back", fmt.Sprintf(`document.querySelector('#results .open')?.textContent === %q`, first))
	b.search("xylophonist")
	b.until("nothing is found, and said", `document.querySelectorAll('#results .item').length === 0 && /No article/.test(document.getElementById('search-empty').textContent)`)
	b.search("telescope")
	b.until("results", `document.querySelector('#results .item')`)
	b.click("#results .open")
	b.until("an article of them", `document.body.dataset.view === 'read' && document.querySelector('#read .prose p')`)
	b.click("#read-back")
	b.until("back to the results", `document.body.dataset.view === 'search' && document.activeElement.closest('#results .item.read')`)
}

// hidesRead marks an article, and takes it back.
func hidesRead(b *browser) {
	b.view("articles")
	b.until("the first page", `document.querySelector('#latest-pages [data-page=earlier]').disabled || document.querySelector('#latest-pages [data-page=earlier]').click()`)
	b.until("unread articles", `document.querySelector('#latest .item:not(.read)')`)
	id := eval[string](b, `document.querySelector('#latest .item:not(.read)').dataset.id`)
	b.click(`#latest [data-id="` + id + `"] [data-act=read]`)
	b.until("it is read", `document.querySelector('#latest [data-id="`+id+`"].read [data-act=read][aria-pressed=true]')`)
	b.until("the server knows", `fetch('/v1/articles/`+id+`?reader=ada').then((r) => r.json()).then((a) => a.read)`)
	b.click("#hide-read")
	b.until("it is hidden", `!document.querySelector('#latest [data-id="`+id+`"]') && document.querySelectorAll('#latest .item').length > 20`)
	b.until("nothing that is read is there", `!document.querySelector('.columns .item.read')`)
	other := eval[string](b, `document.querySelector('#latest .item').dataset.id`)
	b.click(`#latest [data-id="` + other + `"] [data-act=read]`)
	b.until("what becomes read goes at once", `!document.querySelector('#latest [data-id="`+other+`"]')`)
	b.run(chromedp.Reload())
	b.until("the choice is remembered", `document.getElementById('hide-read').checked && document.querySelectorAll('#latest .item').length > 20 && !document.querySelector('#latest [data-id="`+id+`"]')`)
	b.click("#hide-read")
	b.until("all are there again", `document.querySelector('#latest [data-id="`+id+`"].read')`)
	b.click(`#latest [data-id="` + id + `"] [data-act=read]`)
	b.until("it is unread again", `document.querySelector('#latest [data-id="`+id+`"]:not(.read)')`)
	b.until("the server knows that as well", `fetch('/v1/articles/`+id+`?reader=ada').then((r) => r.json()).then((a) => !a.read)`)
}

// staleList marks an article while a list is on its way that was read before.
func staleList(b *browser) {
	b.view("articles")
	b.until("an unread article", `document.querySelector('#latest .item:not(.read)')`)
	b.run(chromedp.Evaluate[chromedp.Void](`window.straight = fetch; window.fetch = async (...a) => {
		const answer = await straight(...a);
		if (/articles\?/.test(a[0])) await new Promise((done) => { window.release = done; });
		return answer;
	}`))
	b.choose("ada")
	b.until("the list is held up", `window.release`)
	id := eval[string](b, `document.querySelector('#latest .item:not(.read)').dataset.id`)
	read := `document.querySelector('#latest [data-id="` + id + `"] [data-act=read]').getAttribute('aria-pressed')`
	b.click(`#latest [data-id="` + id + `"] [data-act=read]`)
	b.until("the server knows", `straight('/v1/articles/`+id+`?reader=ada').then((r) => r.json()).then((a) => a.read)`)
	if got := eval[string](b, `new Promise((done) => { window.fetch = straight; release(); setTimeout(() => done(`+read+`), 300); })`); got != "true" {
		b.t.Errorf("after the old list came, the article's button is pressed: %s", got)
	}
	b.click(`#latest [data-id="` + id + `"] [data-act=read]`)
	b.until("it is unread again", read+` === 'false'`)
}

// shelf returns what is recommended, with the terms that clicks speak for or
// against.
const shelf = `JSON.stringify([...document.querySelectorAll('#shelf .item')].map((i) => [i.dataset.id, [...i.querySelectorAll('.reason')].map((r) => r.className + r.textContent)]))`

func thumbUp(b *browser) {
	b.choose("dilip")
	b.view("articles")
	b.until("recommendations for Dilip", `document.getElementById('shelf-title').textContent === 'For Dilip' && document.querySelector('#shelf .item') && !document.querySelector('#shelf .reason.click')`)
	before := eval[string](b, shelf)
	b.search("telescope")
	b.until("results", `document.querySelector('#results .item')`)
	b.click("#results [data-act=up]")
	b.until("the button is pressed", `document.querySelector('#results [data-act=up][aria-pressed=true]')`)
	b.view("articles")
	b.until("a reason from the thumb, without a reload", `document.querySelector('#shelf .reason.click:not(.less)')`)
	b.until("the page says that the list changed", `/new/.test(document.getElementById('shelf-changed').textContent)`)
	if after := eval[string](b, shelf); after == before {
		b.t.Error("the recommendations are the same as before")
	}
	b.shot("clicked")
}

func thumbDown(b *browser) {
	id := eval[string](b, `document.querySelector('#shelf .item:has(.reason.click)').dataset.id`)
	b.click(`#shelf [data-id="` + id + `"] [data-act=down]`)
	b.until("the button is pressed", `document.querySelector('[data-act=down][aria-pressed=true][data-article="`+id+`"]')`)
	b.until("it is recommended less, or not at all", `(() => {
		const i = document.querySelector('#shelf [data-id="`+id+`"]');
		return !i || i.querySelector('.reason.less') || [...i.parentNode.children].indexOf(i) > 0;
	})()`)
	b.run(chromedp.Reload())
	b.until("what was judged is remembered", `document.querySelector('#shelf .item')`)
	b.until("by the server", `fetch('/v1/articles/`+id+`?reader=dilip').then((r) => r.json()).then((a) => a.judged === 'down')`)
}

// showsPictures shows the picture of the article that is read. Nobody has asked for
// it before, and it is our server that does; wellBehaved checks that the page asks
// no other.
func showsPictures(b *browser, asked *atomic.Int32) {
	if n := asked.Load(); n != 0 || b.text("#read-pictures") != "Show 1 picture" {
		b.t.Errorf("%d requests for the picture before it was wanted; the button says %q", n, b.text("#read-pictures"))
	}
	b.click("#read-pictures")
	b.until("the picture", `(() => { const i = document.querySelector('#read .pictures img'); return i?.complete && i.naturalWidth === 40 && i.alt === 'The lighthouse' && i.src.startsWith(location.origin + '/v1/') })()`)
	b.until("no button any more", `!document.getElementById('read-pictures') && document.activeElement.className === 'pictures'`)
	if n := asked.Load(); n != 1 {
		b.t.Errorf("%d requests for the picture", n)
	}
	b.shot("pictures")
}

func feedsComeAndGo(b *browser) {
	address, pictures := feedServer(b.t)
	b.view("feeds")
	b.until("the sample feeds are there", `document.querySelectorAll('#feeds .card').length === 11`)
	b.write("#feed-url", address)
	b.write("#feed-name", "Tides")
	b.click("#feed-form button")
	b.until("the feed works", fmt.Sprintf(`document.querySelector('#feeds [data-url=%q] .health.ok')`, address))
	b.shot("feeds")
	b.view("articles")
	b.until("its article is listed", `document.querySelector('#pending:not([hidden])')?.click() || [...document.querySelectorAll('#latest h3')].some((h) => /Zeppelin/.test(h.textContent))`)
	b.run(chromedp.Evaluate[chromedp.Void](`[...document.querySelectorAll('#latest .open')].find((h) => /Zeppelin/.test(h.textContent)).click()`))
	b.until("it is read with its markup", `document.querySelector('#read .prose p em')?.textContent === 'moored' && document.querySelector('#read .prose h3') && document.querySelector('#read .prose li a').href === 'https://tides.example/leaves'`)
	if eval[bool](b, `Boolean(window.hacked || document.querySelector('#latest h3 b, main img, main script'))`) {
		b.t.Error("the feed's script or picture came into the page")
	}
	showsPictures(b, pictures)
	b.view("feeds")
	b.write("#feed-filter", "tides")
	b.until("the filter leaves one", `document.querySelectorAll('#feeds .card').length === 1`)
	b.run(chromedp.Evaluate[chromedp.Void](`{const f = document.getElementById('feed-filter'); f.value = ''; f.dispatchEvent(new Event('input'))}`))
	remove := fmt.Sprintf(`#feeds [data-url=%q] button`, address)
	b.click(remove)
	b.until("the feed is gone", `document.querySelectorAll('#feeds .card').length === 11`)
	b.click("#feed-message button")
	b.until("that can be taken back", `document.querySelectorAll('#feeds .card').length === 12`)
	b.click(remove)
	b.until("and done again", `document.querySelectorAll('#feeds .card').length === 11`)
	b.run(chromedp.Evaluate[chromedp.Void](`document.getElementById('feed-url').value = 'http://['`), chromedp.Evaluate[chromedp.Void](`document.getElementById('feed-form').dispatchEvent(new Event('submit', {cancelable: true}))`))
	b.until("a wrong address is refused", `document.querySelector('#feed-message.bad')?.textContent.includes('not an address')`)
	b.forgive("400")
}

// subscriptions takes the subscriptions out, and puts them in with one more.
func subscriptions(b *browser) {
	out := eval[string](b, `(async () => (await fetch(document.getElementById('opml-out').href)).text())()`)
	if n := strings.Count(out, "xmlUrl="); n != 11 {
		b.t.Fatalf("the list that goes out has %d feeds: %s", n, out)
	}
	file := filepath.Join(b.t.TempDir(), "more.opml")
	more := strings.Replace(out, "<body>", `<body><outline text="Lighthouses" type="rss" xmlUrl="http://127.0.0.1:9/lighthouses.xml"/>`, 1)
	if err := os.WriteFile(file, []byte(more), 0o600); err != nil {
		b.t.Fatal(err)
	}
	b.run(chromedp.SetUploadFiles("#opml", []string{file}))
	b.until("what came in is told", `/1 feed added from more.opml, 11 there already/.test(document.getElementById('feed-message').textContent)`)
	b.until("and listed", `document.querySelector('#feeds [data-url="http://127.0.0.1:9/lighthouses.xml"]')`)
	b.click(`#feeds [data-url="http://127.0.0.1:9/lighthouses.xml"] button`)
	b.until("and removed", `document.querySelectorAll('#feeds .card').length === 11`)
}

func readersComeAndGo(b *browser) {
	b.view("readers")
	b.until("the sample readers are there", `document.querySelectorAll('#readers .card').length === 7`)
	b.write("#reader-clara-interest", "glacier"+kb.Enter)
	b.until("the interest is there", `document.querySelector('[data-reader=clara] [aria-label$="interest glacier"]')`)
	b.shot("readers")
	b.choose("clara")
	b.view("articles")
	b.until("it is a reason", `[...document.querySelectorAll('#shelf .reason.interest')].some((r) => /glacier/.test(r.textContent))`)
	b.view("readers")
	b.click(`[data-reader=clara] [aria-label$="interest glacier"]`)
	b.view("articles")
	b.until("it is no reason any more", `![...document.querySelectorAll('#shelf .reason.interest')].some((r) => /glacier/.test(r.textContent))`)
	b.view("readers")
	b.click(`[data-reader=amei] [aria-label^="Remove the reader"]`)
	b.until("the page asks first", `document.getElementById('confirm').open && /Remove 阿梅/.test(document.getElementById('confirm-title').textContent)`)
	b.run(chromedp.KeyEvent(kb.Escape))
	b.until("Escape is no", `!document.getElementById('confirm').open && document.querySelectorAll('#readers .card').length === 7`)
	b.click(`[data-reader=amei] [aria-label^="Remove the reader"]`)
	b.click("#confirm-yes")
	b.until("the reader is gone", `document.querySelectorAll('#readers .card').length === 6 && !document.querySelector('#reader option[value=amei]')`)
}

func topologyDrawn(b *browser) {
	b.view("topology")
	b.until("the drawing", `document.querySelectorAll('#drawing .node').length > 10 && document.querySelectorAll('#drawing .edge').length > 10`)
	b.until("processors run", `[...document.querySelectorAll('#processors .health')].length > 3 && [...document.querySelectorAll('#processors .health')].every((h) => h.textContent === 'running')`)
	b.run(chromedp.EmulateViewport(1280, 1700))
	b.shot("topology")
	b.run(chromedp.EmulateViewport(1280, 900))
}
