package registry

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/millrace/millrace/pipeline"
)

// What can go wrong; test with errors.Is.
var (
	// ErrFormat is of bytes that are not in the registry's wire format, or
	// whose payload does not follow its schema. No retry helps.
	ErrFormat = errors.New("malformed value")
	// ErrUnknownSchema is of a schema's id that the registry does not know. No
	// retry helps, unless somebody has deleted the schema.
	ErrUnknownSchema = errors.New("unknown schema")
	// ErrIncompatible is of two schemas of which one cannot stand for the
	// other, as the registry or the format's own rules say.
	ErrIncompatible = errors.New("incompatible schema")
	// ErrInvalidSchema is of a schema that the registry or a codec refuses.
	ErrInvalidSchema = errors.New("invalid schema")
	// ErrNotRegistered is of a schema that a codec with UseRegistered or
	// UseLatest needs and that is not in the registry.
	ErrNotRegistered = errors.New("schema is not registered")
	// ErrUnavailable is of a registry that does not answer, or not with what
	// was asked for. pipeline.Retry retries it.
	ErrUnavailable = errors.New("schema registry is unavailable")
	// ErrRefused is of a registry that does not let the program do what it
	// asks: the credentials or the URL are wrong. A start ends with it;
	// pipeline.Retry retries it, for it is not the record's fault.
	ErrRefused = errors.New("schema registry refused")
)

// Codes of errors that a registry answers with.
const (
	codeSubject       = 40401
	codeVersion       = 40402
	codeSchema        = 40403
	codeSoftDeleted   = 40404
	codeInvalidSchema = 42201
	codeTooLarge      = 42209
)

// classify turns what the client returned into one of this package's errors.
func classify(err error) error {
	if err == nil || classified(err) {
		return err
	}
	var re *sr.ResponseError
	if !errors.As(err, &re) {
		return unavailable(err)
	}
	said := fmt.Sprintf("%s %s: status %d: %.500s", re.Method, re.URL, re.StatusCode, re.Error())
	switch re.ErrorCode {
	case codeSubject, codeVersion, codeSchema, codeSoftDeleted:
		return fmt.Errorf("%w: %s", ErrUnknownSchema, said)
	case codeInvalidSchema, codeTooLarge:
		return fmt.Errorf("%w: %s", ErrInvalidSchema, said)
	}
	switch {
	case re.StatusCode == http.StatusConflict:
		return fmt.Errorf("%w: %s", ErrIncompatible, said)
	case re.StatusCode == http.StatusUnprocessableEntity:
		return fmt.Errorf("%w: %s", ErrInvalidSchema, said)
	case re.StatusCode == http.StatusTooManyRequests, re.StatusCode == http.StatusRequestTimeout, re.StatusCode >= 500:
		return unavailable(errors.New(said))
	}
	return pipeline.Retryable(fmt.Errorf("%w: %s: check the URL and the credentials", ErrRefused, said))
}

func classified(err error) bool {
	for _, is := range []error{ErrFormat, ErrUnknownSchema, ErrIncompatible, ErrInvalidSchema, ErrNotRegistered, ErrUnavailable, ErrRefused} {
		if errors.Is(err, is) {
			return true
		}
	}
	return false
}

// unavailable is the error of an outage, which a retry may mend.
func unavailable(err error) error {
	return pipeline.Retryable(fmt.Errorf("%w: %w", ErrUnavailable, err))
}
