package configure

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

// The page of settings is made of the struct's fields, so that it cannot go
// stale: go test ./pipeline/configure -update writes it.
func TestDocs(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "configuration.md")
	want := page()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/configuration.md is not what the settings are: go test ./pipeline/configure -update writes it anew")
	}
}

func page() string {
	var b strings.Builder
	b.WriteString(`# Configuration

<!-- Written by go test ./pipeline/configure -update; a test compares it with the settings. -->

A service is configured by one struct, [pipeline.Config](../pipeline/config.go). A program that uses the package
[pipeline/configure](../pipeline/configure/doc.go) fills it from four sources, of which each later one wins:

1. the program's code
2. a file in YAML or JSON, named by the flag ` + "`-config`" + ` or by ` + "`MILLRACE_CONFIG`" + `
3. environment variables; one that is empty counts as not set
4. flags

Everything that is wrong, in any source, is reported in one message before anything starts, with the place where it was
said. A name in the file that is no setting is wrong; an environment variable that is none is not looked at.

| setting in the file | environment | flag | kind | default | meaning |
| --- | --- | --- | --- | --- | --- |
`)
	for _, f := range Fields() {
		def := "`" + f.Default + "`"
		if f.Default == "" {
			def = ""
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | `-%s` | %s | %s | %s |\n", f.Key, f.Env, f.Flag, f.Kind, def, f.Usage)
	}
	b.WriteString("\nOnly code can set " + strings.Join(inCode, ", ") + ".\n")
	b.WriteString(`
A list is separated by commas, in a file it may be a YAML list. A duration is a number with a unit: ` + "`250ms`, `30s`, `1m30s`" + `.
Numbers of bytes are plain numbers.

` + "```yaml" + `
brokers: [kafka-1:9093, kafka-2:9093, kafka-3:9093]
state-dir: /var/lib/orders
tls:
  ca-file: /etc/orders/ca.pem
sasl:
  mechanism: SCRAM-SHA-512
  username: orders
  password-file: /run/secrets/kafka-password
` + "```" + `

## Security

TLS is on as soon as one of its settings is given. The certificate of a client is read again for every connection, so
that renewing it needs no restart. Passwords are never printed, neither in logs nor in errors; give them by
` + "`sasl.password-file`" + ` or the environment, as flags can be seen by others on the machine. PLAIN sends the password
itself: use it with TLS only.

A certificate or a password that is refused ends a start at once; that no broker answers is logged at once, and ends a
start after ` + "`connect-timeout`" + `. Each message names the broker and what to do:

| what is wrong | the error is | the message says |
| --- | --- | --- |
| nobody listens at the address | ErrUnreachable | check the address and that Kafka runs there |
| the broker's certificate is signed by an unknown authority | ErrTLS | give that authority's certificate as TLS.CAFile |
| the broker's certificate is for other names | ErrTLS | use one of them as the address, or give it as TLS.ServerName |
| TLS, and the listener speaks none | ErrTLS | switch TLS off, or use the port of a listener with TLS |
| no TLS, and the listener wants it | ErrTLS | the listener speaks TLS: switch TLS on |
| the client's certificate is missing or not trusted | ErrTLS | check TLS.CertFile and TLS.KeyFile, and that the broker trusts who signed the certificate |
| wrong password or unknown user | ErrAuthentication | check the password of the user, and that the user exists for the mechanism |
| SASL, and the listener has none | ErrAuthentication | leave out SASL, or use the port of a listener with SASL |
| no SASL, and the listener wants it | ErrAuthentication | it may want SASL |

Once a service runs, the same failures (a password that was changed, a certificate that ran out) are logged and tried
again, as outages are.
`)
	return b.String()
}
