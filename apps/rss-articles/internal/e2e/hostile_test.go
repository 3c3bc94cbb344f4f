//go:build !kafka

package e2e

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/millrace/millrace/apps/rss-articles/internal/run"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
)

// hostileItem is an article of a hostile feed.
type hostileItem struct{ number, title, link, html, other string }

// hostileItems has an article for each vector. Their words differ, so that none
// is taken for a copy of another.
func hostileItems() (list []hostileItem) {
	n := 0
	add := func(html, link string) {
		number := fmt.Sprintf("%03d", 100+n)
		n++
		fill := func(s string) string { return strings.ReplaceAll(s, "§", number) }
		words := ""
		for w := range 25 {
			words += fmt.Sprintf("word%s%c ", number, 'a'+w)
		}
		list = append(list, hostileItem{number, "hostile v" + number + " " + fill(html), fill(link),
			"<p>" + words + "</p>" + fill(html) + "<p>after it</p>", fill(html)})
	}
	for _, v := range hostileHTML {
		add(v, "https://hostile.example/§")
	}
	for _, v := range hostileLinks {
		add(`<a href="`+v+`" title="`+v+`">x</a>`, v)
	}
	return list
}

// hostileFeeds serves the articles in parts, in each of three formats.
func hostileFeeds(t *testing.T, items []hostileItem) (addresses []string) {
	escape := func(s string) string {
		var b bytes.Buffer
		_ = xml.EscapeText(&b, []byte(s)) // a Buffer does not fail
		return b.String()
	}
	documents := map[string]string{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, documents[r.URL.Path]) }))
	t.Cleanup(s.Close)
	for part := range slices.Chunk(items, 40) {
		var b strings.Builder
		evil := part[0].other
		path := fmt.Sprintf("/%d", len(addresses))
		switch len(addresses) % 3 {
		case 0:
			fmt.Fprintf(&b, `<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>%s</title><link>javascript:alert(1)</link>`, escape("Feed "+evil))
			for _, i := range part {
				fmt.Fprintf(&b, `<item><title>%s</title><link>%s</link><guid isPermaLink="false">%s</guid><dc:creator>%s</dc:creator><category>%s</category><description>%s</description><content:encoded>%s</content:encoded></item>`,
					escape(i.title), escape(i.link), escape(i.number+i.other), escape(i.other), escape(i.other), escape(i.other), escape(i.html))
			}
			b.WriteString(`</channel></rss>`)
		case 1:
			fmt.Fprintf(&b, `<feed xmlns="http://www.w3.org/2005/Atom"><title type="html">%s</title><id>%s</id>`, escape("Feed "+evil), escape(evil))
			for _, i := range part {
				fmt.Fprintf(&b, `<entry><title type="html">%s</title><link href="%s"/><id>%s</id><author><name>%s</name></author><category term="%s"/><content type="html">%s</content></entry>`,
					escape(i.title), escape(i.link), escape(i.number+i.other), escape(i.other), escape(i.other), escape(i.html))
			}
			b.WriteString(`</feed>`)
		default:
			type object = map[string]any
			var entries []object
			for _, i := range part {
				entries = append(entries, object{"id": i.number + i.other, "url": i.link, "title": i.title, "content_html": i.html, "image": "https://evil.example/" + i.number,
					"authors": []object{{"name": i.other, "url": i.link}}, "tags": []string{i.other}})
			}
			if err := json.NewEncoder(&b).Encode(object{"version": "https://jsonfeed.org/version/1.1", "title": "Feed " + evil, "items": entries}); err != nil {
				t.Fatal(err)
			}
		}
		documents[path] = b.String()
		addresses = append(addresses, s.URL+path)
	}
	return addresses
}

// trap is run before all of the page: what runs or is refused is told.
const trap = `window.alert = window.confirm = window.prompt = (x) => hit('a script ran: ' + x);
document.addEventListener('securitypolicyviolation', (e) => hit('refused by the policy: ' + e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sample));`

// set lays the trap, and returns what it caught so far and forgets it.
func (b *browser) set() (caught func() []string) {
	b.t.Helper()
	var list []string
	if err := chromedp.Listen(b.ctx, func(event any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventBindingCalled:
			list = append(list, e.Payload)
		case *page.EventJavascriptDialogOpening:
			list = append(list, "a dialog opened: "+e.Message)
		}
	}); err != nil {
		b.t.Fatal(err)
	}
	_, err := chromedp.Call(b.ctx, runtime.AddBinding, runtime.AddBindingParams{Name: "hit"})
	if err == nil {
		_, err = chromedp.Call(b.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: trap})
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return func() []string {
		b.mu.Lock()
		defer b.mu.Unlock()
		all := list
		list = nil
		return all
	}
}

// whatIsWrong looks for what a feed has no business to make, in all that the
// page shows of feeds.
const whatIsWrong = `(where = '.items *, #feeds *') => {
	const bad = [];
	for (const e of document.querySelectorAll(where)) {
		if (e.closest('.actions')) continue;
		const may = {A: ['href', 'target', 'rel', 'class', 'lang', 'id'], LI: ['class', 'data-id', 'data-url', 'title'], TIME: ['datetime', 'title'], PRE: ['tabindex'],
			DIV: ['class', 'tabindex', 'role', 'aria-label', 'lang', 'id'], BUTTON: ['type', 'aria-label', 'id'], UL: ['class', 'aria-label'], H2: ['id', 'tabindex', 'lang']}[e.tagName] || ['class', 'lang'];
		for (const a of e.attributes) if (!may.includes(a.name)) bad.push(e.tagName + ' has ' + a.name + '=' + a.value);
		if (e.closest('.prose') && e.id) bad.push('an id in an article: ' + e.id);
		if (e.tagName === 'BUTTON' && e.id && e.id !== 'read-pictures') bad.push('a button ' + e.id);
		if (e.tagName === 'A' && !/^https?:$/.test(e.protocol)) bad.push('a link to ' + e.href);
		if (/^(SCRIPT|STYLE|IFRAME|OBJECT|EMBED|FORM|INPUT|IMG|SVG|MATH|META|BASE|LINK|VIDEO|AUDIO|TEMPLATE)$/i.test(e.tagName)) bad.push('an element ' + e.tagName);
	}
	if (document.querySelectorAll('iframe, base, object, embed, meta[http-equiv]').length) bad.push('something in the document');
	if (document.body.tagName !== 'BODY' || document.forms.length !== 5 + document.querySelectorAll('#readers form').length || typeof document.getElementById !== 'function') bad.push('a name of the document is hidden');
	return bad;
}`

// TestHostileFeeds has hostile feeds fetched, and looks at all that they come to
// in a browser: no script runs, the page's policy has nothing to refuse, and no
// request leaves.
func TestHostileFeeds(t *testing.T) {
	chromium(t)
	items := hostileItems()
	addresses := hostileFeeds(t, items)
	a := start(t, run.Config{State: t.TempDir(), AllowPrivate: true, Feeds: addresses})
	for i, address := range addresses {
		a.do("PUT", fmt.Sprintf("/v1/readers/r%d", i), topics.Reader{Interests: []topics.Interest{{Text: "feed:" + address}}}, nil)
	}
	b := openBrowser(t, a.URL)
	caught := b.set()
	clean := func(where string) {
		t.Helper()
		for _, c := range caught() {
			t.Errorf("%s: %s", where, c)
		}
		for _, w := range eval[[]string](b, `(`+whatIsWrong+`)()`) {
			t.Errorf("%s: %s", where, w)
		}
	}
	b.run(chromedp.Reload())
	var ids []string
	eventually(t, fmt.Sprintf("%d articles", len(items)), func() bool {
		var page struct{ Items []struct{ ID string } }
		a.get("/v1/articles?limit=200", &page)
		ids = ids[:0]
		for _, i := range page.Items {
			ids = append(ids, i.ID)
		}
		return len(ids) == len(items)
	})
	b.run(chromedp.Reload())
	b.until("the first page", `document.querySelectorAll('#latest .item').length === 30`)

	for page := 2; ; page++ {
		clean(fmt.Sprintf("list, page %d", page-1))
		if eval[bool](b, `document.querySelector('#latest-pages [data-page=later]').disabled`) {
			break
		}
		b.click(`#latest-pages [data-page=later]`)
		b.until("the next page", fmt.Sprintf(`document.getElementById('latest-pages').textContent.includes('Page %d')`, page))
	}
	for i := range addresses {
		b.choose(fmt.Sprintf("r%d", i))
		b.until("recommendations", fmt.Sprintf(`document.getElementById('shelf-title').textContent === 'For r%d' && document.querySelector('#shelf .item .reason')`, i))
		clean("recommendations")
	}
	b.search("hostile")
	for offset := 0; ; offset += 20 {
		b.until("results", fmt.Sprintf(`document.getElementById('search-pages').textContent.includes('%d to')`, offset+1))
		clean("search")
		if eval[bool](b, `document.querySelector('#search-pages [data-page=later]').disabled`) {
			break
		}
		b.click(`#search-pages [data-page=later]`)
	}
	list, err := json.Marshal(ids)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range eval[[]string](b, `(async (ids, whatIsWrong) => {
		const bad = [];
		document.getElementById('reader').value = ''; // else each is a click, which all the stages see
		for (const id of ids) {
			location.replace('#read/' + id);
			const began = Date.now(), there = () => document.querySelector('#read .actions [data-article="' + id + '"]');
			while (!there() && Date.now() - began < 20000) await new Promise((done) => setTimeout(done, 5));
			const title = document.getElementById('read-title').textContent;
			if (!there()) bad.push('it cannot be read: ' + id);
			else if (!/word/.test(document.querySelector('#read .prose').textContent)) bad.push('the text is lost: ' + title);
			bad.push(...whatIsWrong('#read-title *, #read-body *').map((w) => title + ': ' + w));
		}
		return bad;
	})(`+string(list)+`, `+whatIsWrong+`)`) {
		t.Errorf("reading: %s", w)
	}
	clean("reading")

	hostileSubscriptions(b, items)
	clean("feeds")
	b.forgive("net::ERR") // of the page, when the browser is at its end
	b.wellBehaved()

	t.Run("the feeds that go out", func(t *testing.T) { outgoing(t, a, b, len(addresses), caught) })
	t.Run("the trap catches", func(t *testing.T) {
		b.run(chromedp.Navigate(a.URL))
		b.until("the page", `document.querySelector('#latest .item')`)
		caught()
		b.run(chromedp.Evaluate[chromedp.Void](`try { document.querySelector('main').innerHTML = '<img src=//evil.example/x onerror=alert(1)>'; } catch {}`),
			chromedp.Evaluate[chromedp.Void](`alert('here')`))
		var all string
		eventually(t, "both are told", func() bool {
			all += strings.Join(append(caught(), eval[string](b, `''`)), "\n")
			return strings.Contains(all, "a script ran: here") && strings.Contains(all, "refused by the policy: require-trusted-types-for")
		})
	})
}

// hostileSubscriptions imports feeds with hostile titles.
func hostileSubscriptions(b *browser, items []hostileItem) {
	type outline struct {
		Text  string `xml:"text,attr"`
		Title string `xml:"title,attr"`
		URL   string `xml:"xmlUrl,attr"`
		Site  string `xml:"htmlUrl,attr"`
	}
	var body struct {
		XMLName  xml.Name  `xml:"opml"`
		Title    string    `xml:"head>title"`
		Outlines []outline `xml:"body>outline"`
	}
	body.Title = items[0].other
	for i, item := range items {
		if i%4 == 0 {
			body.Outlines = append(body.Outlines, outline{item.other, item.other, "http://127.0.0.1:9/" + item.number + "?" + item.other, item.link})
		}
	}
	for _, item := range items[len(hostileHTML):] {
		body.Outlines = append(body.Outlines, outline{item.other, item.other, item.link, item.link})
	}
	text, err := xml.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	file := filepath.Join(b.t.TempDir(), "hostile.opml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		b.t.Fatal(err)
	}
	b.view("feeds")
	b.run(chromedp.SetUploadFiles("#opml", []string{file}))
	b.until("they are in", `/feeds added/.test(document.getElementById('feed-message').textContent) && document.querySelectorAll('#feeds .card').length === 24`)
}

// outgoing puts what feed readers would get into a page without any policy.
func outgoing(t *testing.T, a *instance, b *browser, readers int, caught func() []string) {
	careless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<!doctype html><link rel=icon href=data:,><title>A careless feed reader</title><body><div id=out></div>`)
	}))
	defer careless.Close()
	var bodies []string
	for i := range readers {
		var feed struct {
			Items []struct {
				HTML string `json:"content_html"`
			}
		}
		a.get(fmt.Sprintf("/v1/readers/r%d/feed.json", i), &feed)
		for _, item := range feed.Items {
			bodies = append(bodies, item.HTML)
		}
		resp, err := a.client.Get(fmt.Sprintf("%s/v1/readers/r%d/feed.atom", a.URL, i))
		if err != nil {
			t.Fatal(err)
		}
		var atom struct {
			Entries []struct {
				Content string `xml:"content"`
				Link    struct {
					Href string `xml:"href,attr"`
				} `xml:"link"`
			} `xml:"entry"`
		}
		err = xml.NewDecoder(resp.Body).Decode(&atom)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range atom.Entries {
			bodies = append(bodies, e.Content, `<a href="`+e.Link.Href+`">link</a>`)
		}
	}
	if len(bodies) < 3*readers*20 {
		t.Fatalf("only %d contents", len(bodies))
	}
	b.run(chromedp.Navigate(careless.URL))
	b.mu.Lock()
	b.requests = nil
	b.mu.Unlock()
	text, err := json.Marshal(bodies)
	if err != nil {
		t.Fatal(err)
	}
	bad := eval[[]string](b, `(async (bodies) => {
		const out = document.getElementById('out'), bad = [];
		for (const body of bodies) {
			out.innerHTML = body;
			for (const e of out.querySelectorAll('*')) {
				for (const a of e.attributes) if (e.tagName !== 'A' || a.name !== 'href' || !/^https?:$/.test(e.protocol)) bad.push(e.outerHTML.slice(0, 200));
			}
			await 0;
		}
		out.innerHTML = bodies.join('');
		const frame = document.createElement('iframe'); // parsed as a document, with scripts that would run
		frame.srcdoc = '<!doctype html><link rel=icon href=data:,><body>' + bodies.join('');
		const loaded = new Promise((done) => frame.addEventListener('load', done));
		document.body.append(frame);
		await loaded;
		await new Promise((done) => setTimeout(done, 100)); // handlers of pictures run a little later
		return bad;
	})(`+string(text)+`)`)
	for _, e := range bad {
		t.Errorf("in a feed that goes out: %s", e)
	}
	for _, c := range caught() {
		t.Errorf("in a careless feed reader: %s", c)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.requests {
		if !strings.HasPrefix(r, careless.URL) && !strings.HasPrefix(r, "about:") && !strings.HasPrefix(r, "data:,") {
			t.Errorf("a careless feed reader asks for %s", r)
		}
	}
}
