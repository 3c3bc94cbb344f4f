//go:build unix

package kafkacluster

import (
	"strings"
	"testing"
)

func TestConfigValidate(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  Config
		want []string // parts of the error; none when valid
	}{
		{"zero", Config{}, nil},
		{"override", Config{ExtraProperties: map[string]string{"num.partitions": "12"}}, nil},
		{"all at once", Config{Brokers: 10, BasePort: 65530, Heap: "much"}, []string{"Brokers 10", "BasePort 65530", `Heap "much"`}},
		{"own property", Config{ExtraProperties: map[string]string{"node.id": "7"}}, []string{"node.id is set by the cluster"}},
		{"second line", Config{ExtraProperties: map[string]string{"a": "b\nnode.id=7"}}, []string{"cannot be written"}},
		{"listeners", Config{Listeners: []Listener{{Protocol: "SASL_PLAINTEXT"}}, Users: map[string]string{"a": "b"}}, nil},
		{"a listener behind proxies", Config{Listeners: []Listener{{Protocol: "PLAINTEXT", Advertised: []string{"a:1", "b:2", "c:3"}}}}, nil},
		{"bad addresses", Config{Listeners: []Listener{{Protocol: "PLAINTEXT", Advertised: []string{"a", "b:2"}}}},
			[]string{"2 Advertised addresses for 3 brokers", `Advertised "a"`}},
		{"bad listeners", Config{Detached: true, Listeners: []Listener{{Protocol: "SSL"}, {Protocol: "TLS"}}, Users: map[string]string{"a": "b;c"}},
			[]string{"Listeners[0]: SSL needs", `protocol "TLS"`, "Detached", `Users: "a"`}},
		{"negative", Config{StopTimeout: -1}, []string{"negative"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.cfg.withDefaults().validate()
			if (err == nil) != (len(tt.want) == 0) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%v does not say %q", err, w)
				}
			}
		})
	}
}

func TestProperties(t *testing.T) {
	c := &Cluster{cfg: Config{ExtraProperties: map[string]string{"num.partitions": "12"}}}
	for i := range 3 {
		c.nodes = append(c.nodes, &node{id: i, port: 20000 + i, controllerPort: 20003 + i, dir: nodeDir("/x", i)})
	}
	text := c.properties(c.nodes[1])
	for _, want := range []string{
		"node.id=1\n",
		"listeners=PLAINTEXT://127.0.0.1:20001,CONTROLLER://127.0.0.1:20004\n",
		"controller.quorum.voters=0@127.0.0.1:20003,1@127.0.0.1:20004,2@127.0.0.1:20005\n",
		"log.dirs=/x/node1/data\n",
		"num.partitions=12\n",
		"default.replication.factor=3\n",
		"min.insync.replicas=2\n",
		"auto.create.topics.enable=false\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if got := defaultProperties(1)["min.insync.replicas"]; got != "1" {
		t.Errorf("one broker, min.insync.replicas %s: nothing could be produced", got)
	}
}

func TestLastLines(t *testing.T) {
	for _, tt := range []struct {
		in   string
		n    int
		want string
	}{
		{"", 3, ""},
		{"a", 3, "a"},
		{"a\nb\nc\n", 2, "b\nc"},
		{"a\nb\nc\n", 3, "a\nb\nc"},
		{"a\nb", 0, ""},
		{"\na", 1, "a"},
	} {
		if got := lastLines([]byte(tt.in), tt.n); got != tt.want {
			t.Errorf("lastLines(%q, %d) = %q, want %q", tt.in, tt.n, got, tt.want)
		}
	}
}

func TestFreePorts(t *testing.T) {
	base, err := freePorts(6)
	if err != nil {
		t.Fatal(err)
	}
	if limit := firstEphemeralPort(); base < 1024 || base+6 > limit {
		t.Errorf("ports %d to %d, want them below %d", base, base+5, limit)
	}
}

func TestClusterID(t *testing.T) {
	for range 1000 {
		if id := newClusterID(); len(id) != 22 || strings.ContainsAny(id, "+/=") {
			t.Fatalf("%q is no UUID in URL-safe base64", id)
		}
	}
}
