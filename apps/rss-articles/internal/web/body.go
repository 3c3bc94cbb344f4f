package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/millrace/millrace/pipeline/views"
)

// maxBody bounds a JSON body.
const maxBody = 64 << 10

// readJSON reads a body into v; on failure it has answered and returns false.
// An empty body leaves v as it is where that is allowed.
func readJSON(w http.ResponseWriter, r *http.Request, v any, emptyOK bool) bool {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		views.WriteProblem(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", tooLarge.Limit))
		return false
	} else if err != nil {
		views.WriteProblem(w, http.StatusBadRequest, "the body could not be read: "+err.Error())
		return false
	}
	if len(body) == 0 && emptyOK {
		return true
	}
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		views.WriteProblem(w, http.StatusUnsupportedMediaType, "the body must be JSON, with Content-Type: application/json")
		return false
	}
	if err := strict(body, v); err != nil {
		views.WriteProblem(w, http.StatusBadRequest, "the body is not what it should be: "+err.Error())
		return false
	}
	return true
}

// strict decodes one JSON value that has no fields but v's.
func strict(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the value")
	}
	return nil
}
