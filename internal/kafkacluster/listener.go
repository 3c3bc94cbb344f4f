package kafkacluster

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
)

// A Listener is a further way for clients to connect to every broker, beside the plaintext one that the
// brokers themselves use. See Cluster.ListenerAddresses.
type Listener struct {
	// Protocol is PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL. The last two offer the mechanisms PLAIN,
	// SCRAM-SHA-256 and SCRAM-SHA-512 to Config.Users, each with the same password.
	Protocol string

	// ClientCertificates makes the listener demand a certificate of its clients, signed by TLS.Authority.
	ClientCertificates bool

	// Advertised are the addresses, one for each broker, that the brokers tell clients of this listener to
	// connect to, such as those of proxies before it. Default: the listener's own.
	Advertised []string
}

// TLS is what the brokers' listeners with SSL need, in PEM.
type TLS struct {
	Certificate string // of the brokers, for 127.0.0.1
	Key         string // its private key, in PKCS #8
	Authority   string // who signs the certificates of clients
}

// names of listeners are EXT0, EXT1 and so on.
func listenerName(i int) string { return fmt.Sprintf("EXT%d", i) }

// portsPerBroker is one for clients, one for controllers, one for each further listener.
func (c Config) portsPerBroker() int { return 2 + len(c.Listeners) }

func (c Config) validateListeners() []error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for i, l := range c.Listeners {
		switch l.Protocol {
		case "SSL", "SASL_SSL":
			if c.TLS.Certificate == "" || c.TLS.Key == "" {
				bad("bad Listeners[%d]: %s needs TLS.Certificate and TLS.Key", i, l.Protocol)
			}
			if l.ClientCertificates && c.TLS.Authority == "" {
				bad("bad Listeners[%d]: ClientCertificates needs TLS.Authority", i)
			}
		case "PLAINTEXT", "SASL_PLAINTEXT":
		default:
			bad("bad Listeners[%d]: protocol %q is none of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL", i, l.Protocol)
		}
		if n := len(l.Advertised); n != 0 && n != c.Brokers {
			bad("bad Listeners[%d]: %d Advertised addresses for %d brokers", i, n, c.Brokers)
		}
		for _, a := range l.Advertised {
			if host, port, err := net.SplitHostPort(a); err != nil || host == "" || port == "" || strings.ContainsAny(a, ", \\\r\n") {
				bad("bad Listeners[%d]: Advertised %q is not host:port", i, a)
			}
		}
	}
	if len(c.Listeners) > 0 && c.Detached {
		bad("bad Listeners: Detached does not keep them")
	}
	for user, password := range c.Users {
		if user == "" || password == "" || strings.ContainsAny(user+password, " \",;=[]\\\r\n") {
			bad("bad Users: %q: names and passwords are not empty, without space, quote, brackets, backslash and any of ,;=", user)
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return []error{errors.Join(errs...)}
}

// listenerProperties adds the listeners to a broker's properties.
func (c Config) listenerProperties(n *node, p map[string]string) {
	if len(c.Listeners) == 0 {
		return
	}
	protocols := "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"
	p["inter.broker.listener.name"] = "PLAINTEXT"
	for i, l := range c.Listeners {
		name := listenerName(i)
		address := fmt.Sprintf("%s:%d", loopback, n.listenerPorts+i)
		p["listeners"] += "," + name + "://" + address
		if len(l.Advertised) > 0 {
			address = l.Advertised[n.id]
		}
		p["advertised.listeners"] += "," + name + "://" + address
		protocols += "," + name + ":" + l.Protocol
		prefix := "listener.name." + strings.ToLower(name) + "."
		if strings.HasSuffix(l.Protocol, "SSL") {
			p[prefix+"ssl.keystore.type"] = "PEM"
			p[prefix+"ssl.keystore.certificate.chain"] = c.TLS.Certificate
			p[prefix+"ssl.keystore.key"] = c.TLS.Key
			if c.TLS.Authority != "" {
				p[prefix+"ssl.truststore.type"] = "PEM"
				p[prefix+"ssl.truststore.certificates"] = c.TLS.Authority
			}
			if l.ClientCertificates {
				p[prefix+"ssl.client.auth"] = "required"
			}
		}
		if strings.HasPrefix(l.Protocol, "SASL") {
			p[prefix+"sasl.enabled.mechanisms"] = "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"
			var users strings.Builder
			for _, u := range slices.Sorted(maps.Keys(c.Users)) {
				fmt.Fprintf(&users, " user_%s=%q", u, c.Users[u])
			}
			p[prefix+"plain.sasl.jaas.config"] = "org.apache.kafka.common.security.plain.PlainLoginModule required" + users.String() + ";"
			for _, m := range scramMechanisms {
				p[prefix+strings.ToLower(m)+".sasl.jaas.config"] = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
			}
		}
	}
	p["listener.security.protocol.map"] = protocols
}

var scramMechanisms = []string{"SCRAM-SHA-256", "SCRAM-SHA-512"}

// formatArgs are the arguments of kafka-storage format that make the users of SCRAM.
func (c Config) formatArgs() []string {
	var args []string
	for _, u := range slices.Sorted(maps.Keys(c.Users)) {
		for _, m := range scramMechanisms {
			// The least number of iterations that Kafka allows: the machine is busy enough.
			args = append(args, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s,iterations=4096]", m, u, c.Users[u]))
		}
	}
	return args
}
