package views_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/millrace/millrace/pipeline/views"
)

var document = sync.OnceValues(func() (*openapi3.T, error) {
	return openapi3.NewLoader().LoadFromData(views.OpenAPIDocument())
})

// conforms checks a request that was answered against the description. The
// mux has left in the request which route it took.
func conforms(t *testing.T, r *http.Request, status int, header http.Header, body string) {
	t.Helper()
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	pattern := strings.Replace(strings.TrimPrefix(r.Pattern, "GET "), "...}", "}", 1)
	item := doc.Paths.Value(pattern)
	if pattern == "" || item == nil {
		return // TestEveryRouteIsDescribed finds what is missing
	}
	params := map[string]string{}
	for _, name := range []string{"table", "key"} {
		if v := r.PathValue(name); v != "" {
			params[name] = v
		}
	}
	options := &openapi3filter.Options{IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}
	request := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Options: options,
		Route: &routers.Route{Spec: doc, Path: pattern, PathItem: item, Method: http.MethodGet, Operation: item.Get}}
	if err := openapi3filter.ValidateRequest(t.Context(), request); err != nil && status != http.StatusBadRequest {
		t.Errorf("%.80s has status %d, and is no request as described: %v", r.URL, status, err)
	}
	input := &openapi3filter.ResponseValidationInput{RequestValidationInput: request, Status: status, Header: header, Options: options}
	input.SetBodyBytes([]byte(body))
	if err := openapi3filter.ValidateResponse(t.Context(), input); err != nil {
		t.Errorf("%.80s: the answer is not as described: %v\n%s", r.URL, err, body)
	}
}

func TestEveryRouteIsDescribed(t *testing.T) {
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	var described, routes []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			described = append(described, method+" "+path)
		}
	}
	for _, p := range views.Routes() {
		routes = append(routes, strings.Replace(p, "...}", "}", 1))
	}
	slices.Sort(described)
	slices.Sort(routes)
	if !slices.Equal(described, routes) {
		t.Errorf("described are\n%q\nserved are\n%q", described, routes)
	}
}

// A check that passes everything would pass these, too.
func TestConformanceCanFail(t *testing.T) {
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/v1/tables", nil)
	item := doc.Paths.Value("/v1/tables")
	for body, want := range map[string]bool{`{"tables":["a"]}`: true, `{"tables":[1]}`: false, `{}`: false, `{"tables":[],"more":1}`: false} {
		options := &openapi3filter.Options{IncludeResponseStatus: true}
		input := &openapi3filter.ResponseValidationInput{Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Options: options,
			RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, Options: options,
				Route: &routers.Route{Spec: doc, Path: "/v1/tables", PathItem: item, Method: http.MethodGet, Operation: item.Get}}}
		input.SetBodyBytes([]byte(body))
		if err := openapi3filter.ValidateResponse(t.Context(), input); (err == nil) != want {
			t.Errorf("%s: %v", body, err)
		}
	}
}
