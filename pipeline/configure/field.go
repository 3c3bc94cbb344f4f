package configure

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/millrace/millrace/pipeline"
)

// Field is one setting.
type Field struct {
	Path    string // in pipeline.Config, such as TLS.CAFile
	Key     string // in a file, such as tls.ca-file
	Flag    string // such as tls-ca-file
	Env     string // such as MILLRACE_TLS_CA_FILE
	Kind    string // text, list, number, yes/no or duration
	Default string // empty: none, or one that depends on something else
	Usage   string

	index []int
}

// Prefix is that of the environment variables.
const Prefix = "MILLRACE_"

// usages say what a setting does, in the order of their listing.
var usages = [][2]string{
	{"Brokers", "addresses host:port to find the cluster by, separated by commas"},
	{"ApplicationID", "name under which the topology runs, if not its own: of its groups, its state, and before the names of the topics that it writes"},
	{"StateDir", "folder for local state; every process needs its own"},
	{"Processors", "names of the processors to run, separated by commas; default: all"},
	{"ClientID", "name in the brokers' logs and quotas; default: the application id"},
	{"TLS.Enabled", "encrypt connections to the brokers; any other TLS setting does so as well"},
	{"TLS.CAFile", "PEM file with the authorities to trust; default: those of the system"},
	{"TLS.CertFile", "PEM file with the client's certificate"},
	{"TLS.KeyFile", "PEM file with the private key of the client's certificate"},
	{"TLS.ServerName", "name in the brokers' certificates, if it is not the host of their addresses"},
	{"TLS.InsecureSkipVerify", "accept any certificate of anybody: for a try on one's own machine"},
	{"SASL.Mechanism", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; default: no authentication"},
	{"SASL.Username", "name of the user"},
	{"SASL.Password", "password of the user; as a flag, others on the machine can see it"},
	{"SASL.PasswordFile", "file with the password, instead"},
	{"Rack", "where the process runs, as in the brokers' broker.rack, to fetch from replicas there"},
	{"Compression", "of what is written: none, gzip, snappy, lz4 or zstd"},
	{"ConnectTimeout", "how long a start waits for a broker to answer"},
	{"Guarantee", "what holds when something crashes: exactly_once or at_least_once"},
	{"TransactionTimeout", "after how long the brokers abort a transaction of a process that is gone"},
	{"SessionTimeout", "how long a process may be silent before its partitions go to others"},
	{"InstanceID", "makes the process a static member: a restart within session-timeout moves no partitions; every process needs its own"},
	{"PeerAddress", "where the other processes watch this one, host:port, to take over at once when it is killed"},
	{"StandbyReplicas", "how many other processes keep a copy of each partition's state, to take over without reading all of it"},
	{"CommitInterval", "how often outputs, state and positions are committed"},
	{"CommitBytes", "bytes that a partition emits before a commit comes early"},
	{"CommitKeys", "keys of tables that a partition changes before a commit comes early"},
	{"PrefetchBytes", "bytes of fetched records that wait, for each partition of each input"},
	{"CacheBytes", "bytes of decoded values in memory, for each partition of each table"},
	{"StoreBytes", "bytes of LevelDB's caches and write buffers, for all tables and views together"},
	{"Partitions", "number of partitions of topics that are created and declare none"},
	{"Replication", "replication factor of topics that are created; default: the cluster's"},
	{"NoTopicCreation", "make a topic that does not exist an error instead of creating it"},
	{"DrainTimeout", "how long a stop may take to finish the records at hand and commit"},
	{"RestartMin", "first wait before a processor that failed starts again; it doubles each time"},
	{"RestartMax", "longest wait before a processor that failed starts again"},
	{"HandlerTimeout", "after how long a handler that has not returned is reported as hung"},
	{"StopHungHandlers", "end the run when a handler hangs, so that the process can be started anew"},
}

// inCode are the fields that only code can set.
var inCode = []string{"Views", "Logger", "Metrics", "Now"}

// Fields returns all settings.
func Fields() []Field {
	defaults := reflect.ValueOf(pipeline.Config{}.WithDefaults())
	fields := make([]Field, len(usages))
	for i, u := range usages {
		f := Field{Path: u[0], Usage: u[1]}
		t := reflect.TypeFor[pipeline.Config]()
		var keys []string
		for name := range strings.SplitSeq(f.Path, ".") {
			sf, _ := t.FieldByName(name) // a test checks that it is there
			f.index = append(f.index, sf.Index...)
			t = sf.Type
			keys = append(keys, kebab(name))
		}
		f.Key = strings.Join(keys, ".")
		f.Flag = strings.Join(keys, "-")
		f.Env = Prefix + strings.ToUpper(strings.ReplaceAll(f.Flag, "-", "_"))
		f.Kind = kind(t)
		if v := defaults.FieldByIndex(f.index); !v.IsZero() {
			f.Default = fmt.Sprint(v.Interface())
		}
		fields[i] = f
	}
	return fields
}

func kind(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "duration"
	case t.Kind() == reflect.String:
		return "text"
	case t.Kind() == reflect.Bool:
		return "yes/no"
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String:
		return "list"
	case t.Kind() == reflect.Int, t.Kind() == reflect.Int64:
		return "number"
	}
	return ""
}

// kebab makes client-id of ClientID, and ca-file of CAFile.
func kebab(name string) string {
	var b strings.Builder
	rs := []rune(name)
	for i, r := range rs {
		begins := i > 0 && unicode.IsUpper(r) &&
			(unicode.IsLower(rs[i-1]) || i+1 < len(rs) && unicode.IsLower(rs[i+1]))
		if begins {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// set sets the field of a configuration from text.
func (f Field) set(c *pipeline.Config, text string) error {
	v := reflect.ValueOf(c).Elem().FieldByIndex(f.index)
	switch f.Kind {
	case "text":
		v.SetString(text)
	case "list":
		var list []string
		for s := range strings.SplitSeq(text, ",") {
			if s = strings.TrimSpace(s); s != "" {
				list = append(list, s)
			}
		}
		v.Set(reflect.ValueOf(list))
	case "yes/no":
		b, err := strconv.ParseBool(strings.TrimSpace(text))
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		v.SetBool(b)
	case "number":
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, v.Type().Bits())
		if err != nil {
			return fmt.Errorf("%q is no whole number, or too large", text)
		}
		v.SetInt(n)
	case "duration":
		d, err := time.ParseDuration(strings.TrimSpace(text))
		if err != nil {
			return fmt.Errorf("%q is no duration such as 250ms, 30s or 1m30s", text)
		}
		v.SetInt(int64(d))
	}
	return nil
}
