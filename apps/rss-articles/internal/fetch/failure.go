package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/feed"
)

// failure is why a poll failed, for people: the thing and the remedy.
type failure struct {
	what, remedy string
	err          error         // may be nil
	gone         bool          // 410: not to be tried again
	wait         time.Duration // the server asks for it; 0 if not
	host         bool          // the whole host asks for it
}

func (f *failure) Error() string { return f.what + ": " + f.remedy }

func (f *failure) Unwrap() error { return f.err }

// The remedies that are more than one failure's.
const (
	later   = "it is tried again, less and less often"
	address = "check the address, and look for the feed's new one on the site"
)

// Failures of a request that net/http has no error for.
var (
	errScheme   = errors.New("only http and https are fetched")
	errCircle   = errors.New("the redirects go in a circle")
	errTooMany  = errors.New("too many redirects")
	errTooLarge = errors.New("the document is too large")
)

// encodingError is a content encoding that is not known.
type encodingError string

func (e encodingError) Error() string { return "unknown content encoding " + string(e) }

// explain makes a failure of a request's error.
func explain(err error, at string, timeout time.Duration, maxBody int) *failure {
	var (
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		private   privateError
		encoding  encodingError
		f         = &failure{err: err, remedy: later}
	)
	switch {
	case errors.As(err, &private):
		f.what = fmt.Sprintf("%s leads to %s, an address that is not public", at, string(private))
		f.remedy = "feeds of private networks are fetched only if private addresses are allowed"
	case errors.Is(err, errScheme):
		f.what, f.remedy = at+" leads to an address that is neither http nor https", address
	case errors.Is(err, errCircle):
		f.what, f.remedy = at+" redirects in a circle", "open it in a browser, and subscribe to the address where that ends"
	case errors.Is(err, errTooMany):
		f.what, f.remedy = fmt.Sprintf("%s redirects more than %d times", at, maxRedirects), "open it in a browser, and subscribe to the address where that ends"
	case errors.As(err, &encoding):
		f.what, f.remedy = fmt.Sprintf("%s answers in content encoding %.60q", at, string(encoding)), "only gzip, br and deflate are read, tell the publisher; "+later
	case errors.Is(err, errTooLarge):
		f.what, f.remedy = fmt.Sprintf("%s sends more than %d bytes", at, maxBody), "this is no feed of news, or the limit on documents must be raised"
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err):
		f.what = fmt.Sprintf("%s gave no complete answer within %v", at, timeout)
	case errors.As(err, &dns) && dns.IsNotFound:
		f.what, f.remedy = fmt.Sprintf("there is no host %q", dns.Name), address
	case errors.As(err, &dns):
		f.what = fmt.Sprintf("host %q cannot be looked up", dns.Name)
	case errors.As(err, &authority), errors.As(err, &hostname), errors.As(err, &invalid):
		f.what, f.remedy = fmt.Sprintf("%s has a certificate that cannot be trusted (%v)", at, last(err)), "tell the publisher; "+later
	case errors.As(err, &record):
		f.what, f.remedy = at+" does not speak TLS", "try the address with http instead of https"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		f.what = at + " closed the connection in the middle of its answer"
	default:
		f.what = fmt.Sprintf("%s cannot be fetched (%v)", at, last(err))
	}
	return f
}

// refused makes a failure of an answer that is no document.
func refused(status int, at string, wait time.Duration) *failure {
	what := fmt.Sprintf("%s answered %d %s", at, status, http.StatusText(status))
	f := &failure{what: what, remedy: later, wait: wait}
	switch {
	case status == http.StatusGone:
		f.gone, f.remedy = true, "the feed is gone for good and not fetched any more; remove it, or subscribe to it again if that was a mistake"
	case status == http.StatusTooManyRequests:
		if wait > 0 {
			f.host, f.remedy = true, fmt.Sprintf("its host is left alone for %v, as it asks", wait)
		}
	case status == http.StatusServiceUnavailable:
		f.host, f.remedy = wait > 0, "the server is overloaded or being repaired; "+later
	case status == http.StatusNotFound:
		f.remedy = address
	case status == http.StatusUnauthorized, status == http.StatusPaymentRequired:
		f.remedy = "the feed needs a login; look for an address with a key in it"
	case status == http.StatusForbidden:
		f.remedy = "the server does not let this program in; " + later
	case status >= 500:
		f.remedy = "the server has a problem; " + later
	}
	return f
}

// unreadable makes a failure of a document that is no feed.
func unreadable(err error, at, contentType, discovered string) *failure {
	f := &failure{err: err, what: fmt.Sprintf("%s cannot be read (%v)", at, err), remedy: "check it with a feed validator, tell the publisher; " + later}
	switch {
	case discovered != "":
		f.what, f.remedy = at+" is a web page, not a feed", "it names a feed, subscribe to "+discovered
	case errors.Is(err, feed.ErrEmpty):
		f.what, f.remedy = at+" is empty", later
	case errors.Is(err, feed.ErrNotAFeed):
		f.what, f.remedy = at+" is not a feed", address
		if contentType != "" {
			f.what += " (" + contentType + ")"
		}
	}
	return f
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// last returns the innermost error: "connection refused", without the
// addresses and the URL before it.
func last(err error) error {
	for {
		var u *url.Error
		var o *net.OpError
		switch {
		case errors.As(err, &u) && u.Err != nil:
			err = u.Err
		case errors.As(err, &o) && o.Err != nil:
			err = o.Err
		default:
			return err
		}
	}
}
