package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
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
			b.mu.Lock()
			t.Logf("what went wrong in the page: %q", b.errors)
			b.mu.Unlock()
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

// eval returns the value of an expression, or what a promise holds.
func eval[V any](b *browser, expression string) (v V) {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[V](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("browser: %.300s: %v", expression, err)
	}
	return v
}

// until waits until an expression, or what a promise holds, is true.
func (b *browser) until(what, expression string) {
	b.t.Helper()
	eventually(b.t, what, func() bool {
		ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("(async () => Boolean(await ("+expression+")))()", chromedp.EvalAwaitPromise))
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

// press presses keys, one after the other.
func (b *browser) press(keys ...string) {
	b.t.Helper()
	for _, k := range keys {
		b.run(chromedp.KeyEvent(k))
	}
}

// search puts words into the box in the bar.
func (b *browser) search(words string) {
	b.t.Helper()
	b.on("#search-text", "focus()")
	b.run(chromedp.Evaluate[chromedp.Void](`document.getElementById('search-text').value = ''`), chromedp.KeyEvent(words+kb.Enter))
	b.until("the search for "+words, fmt.Sprintf(`document.body.dataset.view === 'search' && document.getElementById('search-title').textContent === 'Search: ' + %q`, words))
}

// text returns the text of the first element that a selector finds.
func (b *browser) text(selector string) string {
	b.t.Helper()
	return eval[string](b, fmt.Sprintf("document.querySelector(%q).textContent", selector))
}

// forgive forgets what the browser noted of a refusal that was meant to be.
func (b *browser) forgive(part string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.errors = slices.DeleteFunc(b.errors, func(e string) bool { return strings.Contains(e, part) })
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
