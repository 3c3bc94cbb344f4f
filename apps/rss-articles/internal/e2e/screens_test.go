package e2e

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/millrace/millrace/apps/rss-articles/internal/run"
)

// largest is how many bytes a picture may have.
const largest = 150_000

// TestScreens makes the pictures of the README, of the sample feeds, in the
// folder that MILLRACE_SCREENS names: make screens.
func TestScreens(t *testing.T) {
	dir := os.Getenv("MILLRACE_SCREENS")
	if dir == "" {
		t.Skip("makes pictures when MILLRACE_SCREENS names a folder")
	}
	chromium(t)
	a := start(t, run.Config{State: oldState(t), AllowPrivate: true})
	b := openBrowser(t, a.URL)
	b.until("articles", `document.querySelectorAll('#latest .item').length === 30`)
	a.settle()
	b.run(chromedp.EmulateViewport(1200, 760))
	b.until("what is newest is shown", newestIsShown)
	b.choose("ada")
	b.until("recommendations for Ada", `document.getElementById('shelf-title').textContent === 'For Ada' && document.querySelectorAll('#shelf .item').length > 2`)
	b.click("#shelf .item [data-act=up]")
	b.until("a thumb up is a reason", `document.querySelector('#shelf .reason.click')`)
	b.run(chromedp.Evaluate[chromedp.Void](`document.activeElement.blur(); scrollTo(0, 0)`))
	b.picture(dir, "recommendations")
	b.dark(true)
	b.picture(dir, "dark")
	b.dark(false)
	b.click("#shelf .open")
	b.until("an article", `document.body.dataset.view === 'read' && document.querySelector('#read .prose p') && document.querySelector('#read .why .reason')`)
	b.run(chromedp.Evaluate[chromedp.Void](`document.activeElement.blur(); scrollTo(0, 0)`))
	b.picture(dir, "reading")
	b.view("feeds")
	b.until("feeds that work", `document.querySelectorAll('#feeds .health.ok').length === 11`)
	b.picture(dir, "feeds")
}

// dark has the page dark, or light.
func (b *browser) dark(on bool) {
	theme := "light"
	if on {
		theme = "dark"
	}
	b.run(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.documentElement.dataset.theme = %q`, theme)))
}

// picture writes one of the README's, with few colours, which makes it small.
func (b *browser) picture(dir, name string) {
	b.t.Helper()
	taken, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	full, err := png.Decode(bytes.NewReader(taken))
	if err != nil {
		b.t.Fatal(err)
	}
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, reduced(full)); err != nil {
		b.t.Fatal(err)
	}
	if out.Len() > largest {
		b.t.Errorf("%s has %d bytes, more than %d", name, out.Len(), largest)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), out.Bytes(), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// reduced is a picture in its 256 most frequent colours.
func reduced(full image.Image) *image.Paletted {
	times := map[color.Color]int{}
	bounds := full.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			times[full.At(x, y)]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(times), func(a, b color.Color) int { return cmp.Compare(times[b], times[a]) })
	palette := color.Palette(colours[:min(len(colours), 256)])
	nearest := map[color.Color]uint8{}
	out := image.NewPaletted(bounds, palette)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			c := full.At(x, y)
			n, ok := nearest[c]
			if !ok {
				n = uint8(palette.Index(c))
				nearest[c] = n
			}
			out.SetColorIndex(x, y, n)
		}
	}
	return out
}
