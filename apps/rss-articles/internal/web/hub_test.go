package web

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A client that does not read is dropped; the others get everything.
func TestSlowClientIsDropped(t *testing.T) {
	h := newHub(2)
	slow, quick := h.join(), h.join()
	for i := range 2 * streamBuffer {
		h.send("feeds", i)
		if e, ok := <-quick; !ok || string(e.data) != fmt.Sprint(i) {
			t.Fatalf("the quick client got %q, %v, want %d", e.data, ok, i)
		}
	}
	n := 0
	for range slow { // closed
		n++
	}
	if n != streamBuffer {
		t.Errorf("the slow client was left with %d events", n)
	}
	if h.join() == nil {
		t.Error("its place is not free")
	}
	h.leave(slow) // once more, as its request does
	h.close()
	if _, ok := <-quick; ok || h.join() != nil {
		t.Error("the hub is not closed")
	}
}

// The index is the newest of all that was put and not removed.
func TestIndexAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const limit = 8
		x, model := newIndex(limit), map[string]Item{}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				i := Item{ID: rapid.StringMatching(`[a-f]`).Draw(t, "id"), Title: rapid.StringMatching(`[xy]`).Draw(t, "title"),
					FirstSeen: time.Unix(rapid.Int64Range(0, 5).Draw(t, "seen"), 0), Published: time.Unix(rapid.Int64Range(0, 5).Draw(t, "published"), 0)}
				old, had := model[i.ID]
				if changed, _ := x.put(i); changed != (!had || old.Title != i.Title || !old.FirstSeen.Equal(i.FirstSeen) || !old.Published.Equal(i.Published)) {
					t.Fatalf("changed is %v", changed)
				}
				model[i.ID] = i
			},
			"remove": func(t *rapid.T) {
				id := rapid.StringMatching(`[a-f]`).Draw(t, "id")
				_, had := model[id]
				if x.remove(id) != had {
					t.Fatalf("removed is %v", !had)
				}
				delete(model, id)
			},
			"": func(t *rapid.T) {
				var got []Item
				for before := (*cursor)(nil); ; {
					items, next := x.page(before, 2)
					got = append(got, items...)
					if next == "" {
						break
					}
					c, err := parseCursor(next)
					if err != nil {
						t.Fatal(err)
					}
					before = &c
				}
				if len(got) != len(model) || x.len() != len(model) {
					t.Fatalf("%d of %d", len(got), len(model))
				}
				for n, i := range got {
					if model[i.ID].Title != i.Title || n > 0 && placeOf(got[n-1]).compare(placeOf(i)) >= 0 {
						t.Fatalf("%d: %+v after %+v", n, i, got[max(0, n-1)])
					}
				}
			},
		})
	})
}

func TestIndexKeepsTheNewest(t *testing.T) {
	x := newIndex(3)
	for n := range 6 {
		if changed, evicted := x.put(Item{ID: fmt.Sprint(n), FirstSeen: time.Unix(int64(n), 0)}); !changed || n >= 3 && evicted != fmt.Sprint(n-3) {
			t.Errorf("%d: changed %v, evicted %q", n, changed, evicted)
		}
	}
	if changed, evicted := x.put(Item{ID: "old", FirstSeen: time.Unix(1, 0)}); changed || evicted != "old" {
		t.Errorf("one that is too old: changed %v, evicted %q", changed, evicted)
	}
	if items, _ := x.page(nil, 10); len(items) != 3 || items[0].ID != "5" || items[2].ID != "3" || len(x.byID) != 3 {
		t.Errorf("%+v", items)
	}
	far := Item{ID: "far", FirstSeen: time.Unix(9, 0), Published: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
	x.put(far)
	if items, next := x.page(nil, 1); items[0].ID != "far" || next == "" {
		t.Errorf("the year 9999: %+v %q", items, next)
	}
}

func FuzzCursor(f *testing.F) {
	f.Add("1~2~a")
	f.Add("~~")
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := parseCursor(s); err == nil {
			if again, err := parseCursor(c.String()); err != nil || again != c {
				t.Errorf("%q: %v %v", s, again, err)
			}
		}
	})
}
