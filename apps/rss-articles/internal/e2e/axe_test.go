package e2e

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// axe-core finds what people with disabilities could not use in a page. Its
// licence is MPL-2.0: npm fetches it, once, into the cache folder of the user.
const (
	axeVersion = "4.14.1"
	axeSum     = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c" // SHA-256 of axe.min.js
)

// axeSource returns the program, or skips the test; in CI it has to be there.
func axeSource(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "millrace")
	path := filepath.Join(dir, "axe-core-"+axeVersion+".min.js")
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		if b, err = fetchAxe(t.Context()); err == nil {
			err = keep(path, b)
		}
	}
	switch {
	case errors.Is(err, exec.ErrNotFound) && os.Getenv("CI") != "true":
		t.Skip("needs npm once, which fetches axe-core (Debian: apt-get install npm)")
	case err != nil:
		t.Fatalf("axe-core %s: %v", axeVersion, err)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != axeSum {
		t.Fatalf("%s is not axe-core %s: remove it, and it is fetched again", path, axeVersion)
	}
	return string(b)
}

// fetchAxe has npm download the package, whose integrity it checks, and takes
// out of it what the page needs.
func fetchAxe(ctx context.Context) ([]byte, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return nil, err
	}
	tmp, err := os.MkdirTemp("", "axe-core-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "pack", "axe-core@"+axeVersion, "--silent", "--pack-destination", tmp)
	cmd.Dir = tmp
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("npm pack: %w: %.500s", err, out)
	}
	f, err := os.Open(filepath.Join(tmp, "axe-core-"+axeVersion+".tgz"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err != nil {
			return nil, fmt.Errorf("the package of npm: %w", err)
		}
		if h.Name == "package/axe.min.js" {
			return io.ReadAll(io.LimitReader(r, 4<<20))
		}
	}
}

// keep writes a file that others never see half written.
func keep(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // it is not there any more if all went well
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// The rules of WCAG 2.1, levels A and AA, and those of them to which colours
// make a difference.
const (
	allRules    = `['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']`
	colourRules = `['color-contrast', 'link-in-text-block']`
)

// accessible checks what the page shows by some rules: of long lists the first
// entries, which takes a third of the time.
func (b *browser) accessible(axe, rules, what string) {
	b.t.Helper()
	if !eval[bool](b, `Boolean(window.axe)`) {
		b.run(chromedp.Evaluate[chromedp.Void](axe))
	}
	for _, finding := range eval[[]string](b, `axe.run({exclude: [['.item:nth-child(n+9)'], ['.card:nth-child(n+7)']]}, {iframes: false, runOnly: `+rules+`, resultTypes: ['violations']}).then((r) => {
		if (!r.passes.length) return ['no rule found something to look at'];
		return r.violations.map((v) => v.id + ': ' + v.help + ': ' + v.nodes.slice(0, 5).map((n) => n.html.slice(0, 200) + ' ' + (n.any[0]?.message || '')).join(' | '));
	})`) {
		b.t.Errorf("%s: %s", what, finding)
	}
}

// accessibility looks at each view and dialog, in light and dark.
func accessibility(b *browser) {
	axe := axeSource(b.t)
	b.view("articles")
	b.choose("dilip")
	b.until("recommendations with all kinds of reasons", `document.getElementById('shelf-title').textContent === 'For Dilip' && document.querySelector('#shelf .reason.click') && document.querySelector('#shelf .reason.interest')`)
	for colours, rules := range map[string]string{"light": allRules, "dark": colourRules} {
		b.media(&emulation.MediaFeature{Name: "prefers-color-scheme", Value: colours}, &emulation.MediaFeature{Name: "prefers-reduced-motion", Value: "reduce"})
		article := eval[string](b, `document.querySelector('#shelf .open').hash`)
		for _, view := range []string{"articles", "feeds", "readers", "topology"} {
			b.view(view)
			b.until("what "+view+" shows", `[...document.querySelectorAll('.item, .card, #drawing svg')].some((e) => e.checkVisibility())`)
			b.accessible(axe, rules, colours+" "+view)
		}
		b.click(`[data-reader=ada] [aria-label^="Remove the reader"]`)
		b.accessible(axe, rules, colours+" question")
		b.press(kb.Escape)
		b.search("telescope")
		b.until("results", `document.querySelector('#results .item mark')`)
		b.accessible(axe, rules, colours+" search")
		b.run(chromedp.Evaluate[chromedp.Void](`location.hash = '` + article + `'`))
		b.until("an article", `document.querySelector('#read .prose p') && document.querySelector('#read .why')`)
		b.accessible(axe, rules, colours+" reading")
		b.click("#help-open")
		b.accessible(axe, rules, colours+" help")
		b.press(kb.Escape)
	}
	b.media()
}
