package fetch

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestPictures(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/a.png":
			if !strings.HasPrefix(r.Header.Get("Accept"), "image/") {
				t.Errorf("accepts %s", r.Header.Get("Accept"))
			}
			_, _ = w.Write([]byte("picture"))
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		case "/away":
			http.Redirect(w, r, "/a.png", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	defer s.Close()
	p := NewPictures(Config{AllowPrivate: true})
	defer p.Close()
	for path, want := range map[string]string{"/a.png": "picture", "/away": "picture"} {
		if b, err := p.Get(t.Context(), s.URL+path); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v", path, b, err)
		}
	}
	for path, want := range map[string]string{"/endless": "sends more than 8388608 bytes", "/none": "404"} {
		if _, err := p.Get(t.Context(), s.URL+path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
	strict := NewPictures(Config{})
	defer strict.Close()
	if _, err := strict.Get(t.Context(), s.URL+"/a.png"); !errors.Is(err, ErrPrivate) {
		t.Errorf("an address that is not public: %v", err)
	}
	if _, err := strict.Get(t.Context(), "file:///etc/passwd"); err == nil {
		t.Error("a file was read")
	}
}
