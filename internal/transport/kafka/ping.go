package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/internal/transport"
)

// Ping asks the configured brokers for an answer, with the configured TLS and
// authentication, and is content with one. It tries once. Otherwise the error
// is a [transport.ConnectError] for each; it is one of ErrTLS and
// ErrAuthentication if that is what one of the brokers says, for then waiting
// does not help.
func (c *Cluster) Ping(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cl, err := kgo.NewClient(c.options("")...)
	if err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	defer cl.Close()
	var (
		asking sync.WaitGroup
		mu     sync.Mutex
		errs   []error
		ok     bool
	)
	for i, b := range cl.SeedBrokers() {
		asking.Go(func() {
			req := kmsg.NewPtrMetadataRequest()
			req.Topics = []kmsg.MetadataRequestTopic{} // of none; a listener answers ApiVersions to anybody
			_, err := b.Request(ctx, req)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				ok = true
				cancel()
			} else if !ok {
				errs = append(errs, c.cfg.connectError(withPort(c.cfg.Brokers[i]), err))
			}
		})
	}
	asking.Wait()
	if ok {
		return nil
	}
	return errors.Join(errs...)
}

// connectError explains why a request that came first on a connection failed.
func (c Config) connectError(address string, err error) error {
	var (
		known *transport.ConnectError
		first *kgo.ErrFirstReadEOF
	)
	if errors.As(err, &known) {
		return known
	}
	e := &transport.ConnectError{Address: address, Err: err}
	switch {
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		e.Kind = transport.ErrAuthentication
		e.Remedy = fmt.Sprintf("check the password of user %q, and that the user exists for %s", c.SASL.Username, c.SASL.Mechanism)
	case errors.Is(err, kerr.UnsupportedSaslMechanism):
		e.Kind = transport.ErrAuthentication
		e.Remedy = fmt.Sprintf("the listener does not offer %s: use a mechanism of its sasl.enabled.mechanisms", c.SASL.Mechanism)
	case errors.Is(err, kerr.IllegalSaslState):
		e.Kind = transport.ErrAuthentication
		e.Remedy = "the listener does not authenticate: leave out SASL, or use the port of a listener with SASL"
	case refused(err):
		return tlsError(address, err)
	case c.TLS == nil && strings.Contains(err.Error(), "tls"):
		e.Kind = transport.ErrTLS
		e.Remedy = "the listener speaks TLS: switch TLS on"
	case errors.As(err, &first) && c.SASL.Mechanism != "":
		e.Kind = transport.ErrAuthentication
		e.Remedy = "the listener may not authenticate: leave out SASL, or use the port of a listener with SASL"
	case errors.As(err, &first), errors.Is(err, io.EOF):
		e.Kind = transport.ErrAuthentication
		e.Remedy = "the listener closed the connection: it may want SASL" + when(c.TLS == nil, " or TLS") + ", or the port is not Kafka's"
	default:
		e.Kind = transport.ErrUnreachable
		e.Remedy = "check the address and that Kafka runs there"
	}
	return e
}

func when(cond bool, s string) string {
	if cond {
		return s
	}
	return ""
}
