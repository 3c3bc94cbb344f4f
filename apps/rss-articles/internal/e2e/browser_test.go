package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/millrace/millrace/apps/rss-articles/internal/run"
)

// browser is a headless Chromium with one page, which notes what the page asks
// for and what goes wrong in it.
type browser struct {
	t   *testing.T
	ctx context.Context
	url string

	mu       sync.Mutex
	requests []string
	errors   []string
}

// chromium finds the browser, or skips the test; in CI it has to be there.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("no Chromium in CI: install it (Debian: apt-get install chromium)")
	}
	t.Skip("needs Chromium (Debian: apt-get install chromium)")
	return ""
}

func openBrowser(t *testing.T, address string) *browser {
	t.Helper()
	path := chromium(t)
	host, _ := url.Parse(address)
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.NoFirstRun, chromedp.WindowSize(1280, 900), chromedp.WSURLReadTimeout(patience),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("no-proxy-server", true),
		// Whatever the page or a new tab asks for, nothing leaves the machine.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE "+host.Hostname()))
	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, end := chromedp.NewContext(allocator)
	bounded, endBound := context.WithTimeout(ctx, 5*time.Minute)
	b := &browser{t: t, ctx: bounded, url: address}
	t.Cleanup(func() {
		if t.Failed() {
			b.shot("failed")
		}
		endBound()
		end()
		endAllocator()
	})
	if err := chromedp.Do(ctx); err != nil { // starts it, for longer than one action takes
		t.Fatalf("browser: %v", err)
	}
	if err := chromedp.Listen(bounded, b.note); err != nil {
		t.Fatalf("browser: %v", err)
	}
	b.run(chromedp.Navigate(address))
	return b
}

func (b *browser) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *runtime.EventExceptionThrown:
		b.errors = append(b.errors, e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" {
			b.errors = append(b.errors, "console: "+string(e.Args[0].Value))
		}
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == "error" {
			b.errors = append(b.errors, e.Entry.Text+" "+e.Entry.URL)
		}
	}
}

// wellBehaved checks that the page asked nobody but its server, and that
// nothing went wrong in it.
func (b *browser) wellBehaved() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.requests) < 10 {
		b.t.Errorf("only %d requests were seen", len(b.requests))
	}
	for _, r := range b.requests {
		if !strings.HasPrefix(r, b.url+"/") {
			b.t.Errorf("the page asked for %s", r)
		}
	}
	for _, e := range b.errors {
		b.t.Errorf("in the page: %s", e)
	}
}

func (b *browser) run(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatalf("browser: %v", err)
	}
}

// eval returns the value of an expression.
func eval[V any](b *browser, expression string) (v V) {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[V](expression))
	if err != nil {
		b.t.Fatalf("browser: %s: %v", expression, err)
	}
	return v
}

// until waits until an expression is true.
func (b *browser) until(what, expression string) {
	b.t.Helper()
	eventually(b.t, what, func() bool {
		ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		if err != nil && errors.Is(err, b.ctx.Err()) {
			b.t.Fatalf("browser: %v", err)
		}
		return err == nil && ok
	})
}

// on calls a method of the first element that a selector finds, once there is
// one. The page renders its lists anew as the tables change, so a node that was
// found by an earlier call may be gone.
func (b *browser) on(selector, call string) {
	b.t.Helper()
	find := fmt.Sprintf("document.querySelector(%q)", selector)
	b.until("element "+selector, find)
	b.run(chromedp.Evaluate[chromedp.Void](find + "." + call))
}

func (b *browser) click(selector string) { b.t.Helper(); b.on(selector, "click()") }

// write types into a field.
func (b *browser) write(selector, text string) {
	b.t.Helper()
	b.on(selector, "focus()")
	b.run(chromedp.KeyEvent(text))
}

// view goes to a view by its link.
func (b *browser) view(name string) {
	b.t.Helper()
	b.click(`nav a[href="#` + name + `"]`)
	b.until("view "+name, `document.body.dataset.view === "`+name+`"`)
}

func (b *browser) choose(reader string) {
	b.t.Helper()
	b.until("reader "+reader+" can be chosen", fmt.Sprintf(`document.querySelector('#reader option[value=%q]')`, reader))
	b.run(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`{const s = document.getElementById('reader'); s.value = %q; s.dispatchEvent(new Event('change'))}`, reader)))
}

// phone makes the window that of a phone, without horizontal scrolling.
func (b *browser) phone() { b.run(chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile)) }

// shot keeps a picture if MILLRACE_SCREENSHOTS names a folder.
func (b *browser) shot(name string) {
	dir := os.Getenv("MILLRACE_SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Logf("no picture: %v", err)
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		b.t.Log(err)
	}
}

// feedServer serves one feed whose articles nobody else has.
func feedServer(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/rss+xml")
		fmt.Fprintf(w, `<rss version="2.0"><channel><title>Tide tables</title><link>https://tides.example/</link>
			<item><title>&lt;b&gt;Zeppelin&lt;/b&gt; moored &lt;script&gt;window.hacked=1&lt;/script&gt; at the lighthouse</title>
			<link>https://tides.example/zeppelin</link><pubDate>%s</pubDate>
			<description>&lt;img src=x onerror="window.hacked=1"&gt;A zeppelin was moored at the lighthouse for the first time in eighty years.</description></item>
			</channel></rss>`, time.Now().UTC().Format(time.RFC1123Z))
	}))
	t.Cleanup(s.Close)
	return s.URL + "/tides.xml"
}

func TestBrowser(t *testing.T) {
	chromium(t)
	a := start(t, run.Config{State: oldState(t), AllowPrivate: true})
	b := openBrowser(t, a.URL)

	b.until("articles appear by themselves", `document.querySelectorAll('#latest .item').length >= 30`)
	b.until("the page is live", `document.getElementById('connection').textContent === 'live'`)
	b.shot("latest")
	b.until("older articles", `!document.getElementById('more').click() && document.getElementById('more').hidden && document.querySelectorAll('#latest .item').length > 50`)
	t.Run("copies are under their original", func(t *testing.T) {
		b.t = t
		b.until("copies", `document.querySelector('#latest .item .copies li a')`)
		b.on(`#latest .copies`, `scrollIntoView()`)
		b.shot("copies")
	})
	t.Run("recommendations say why", func(t *testing.T) {
		b.t = t
		b.choose("ada")
		b.until("recommendations for Ada", `document.getElementById('shelf-title').textContent === 'For Ada' &&
			document.querySelectorAll('#shelf .item').length > 0`)
		if !eval[bool](b, `[...document.querySelectorAll('#shelf .item')].every((i) => i.querySelector('.reason'))`) {
			t.Error("a recommendation has no reason")
		}
		b.shot("articles")
	})
	t.Run("a judgement changes recommendations", func(t *testing.T) {
		b.t = t
		b.choose("dilip")
		b.until("recommendations for Dilip", `document.getElementById('shelf-title').textContent === 'For Dilip' && document.querySelector('#shelf .item')`)
		b.run(chromedp.Evaluate[chromedp.Void](`[...document.querySelectorAll('#latest .item')].find((i) => /telescope|comet|ferries/i.test(i.textContent)).querySelector('[data-judge=up]').click()`))
		b.until("a reason from the click", `document.querySelector('#shelf .reason.click')`)
		b.until("the button is pressed", `document.querySelector('#latest [data-judge=up][aria-pressed=true]')`)
		b.shot("clicked")
	})
	t.Run("feeds come and go", func(t *testing.T) {
		b.t = t
		address := feedServer(t)
		b.view("feeds")
		b.until("the sample feeds are there", `document.querySelectorAll('#feeds .card').length === 11`)
		b.write("#feed-url", address)
		b.write("#feed-name", "Tides")
		b.click("#feed-form button")
		b.until("the feed works", fmt.Sprintf(`document.querySelector('#feeds [data-url=%q] .health.ok')`, address))
		b.shot("feeds")
		b.view("articles")
		b.until("its article is listed", `document.querySelector('#pending:not([hidden])')?.click() || [...document.querySelectorAll('#latest h3')].some((h) => /Zeppelin/.test(h.textContent))`)
		if eval[bool](b, `Boolean(window.hacked || document.querySelector('#latest h3 b, #latest img, #latest script'))`) {
			t.Error("the feed's HTML came into the page")
		}
		b.view("feeds")
		b.click(fmt.Sprintf(`#feeds [data-url=%q] button`, address))
		b.until("the feed is gone", `document.querySelectorAll('#feeds .card').length === 11`)
		b.run(chromedp.Evaluate[chromedp.Void](`document.getElementById('feed-url').value = 'http://['`), chromedp.Evaluate[chromedp.Void](`document.getElementById('feed-form').dispatchEvent(new Event('submit', {cancelable: true}))`))
		b.until("a wrong address is refused", `document.querySelector('#feed-message.bad')?.textContent.includes('not an address')`)
		b.mu.Lock()
		b.errors = nil // the browser notes the refusal
		b.mu.Unlock()
	})
	t.Run("interests come and go", func(t *testing.T) {
		b.t = t
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
	})
	t.Run("the topology is drawn", func(t *testing.T) {
		b.t = t
		b.view("topology")
		b.until("the drawing", `document.querySelectorAll('#drawing .node').length > 10 && document.querySelectorAll('#drawing .edge').length > 10`)
		b.until("processors run", `[...document.querySelectorAll('#processors .health')].length > 3 && [...document.querySelectorAll('#processors .health')].every((h) => h.textContent === 'running')`)
		b.run(chromedp.EmulateViewport(1280, 1700))
		b.shot("topology")
		b.run(chromedp.EmulateViewport(1280, 900))
	})
	t.Run("the keyboard is enough", func(t *testing.T) { b.t = t; byKeyboard(b, a) })
	t.Run("on a phone", func(t *testing.T) { b.t = t; onPhone(b) })
	b.t = t
	b.wellBehaved()
}
