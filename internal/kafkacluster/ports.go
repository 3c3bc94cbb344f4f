package kafkacluster

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
)

const loopback = "127.0.0.1"

// checkPort tells whether a broker could listen on the port now.
func checkPort(port int) error {
	l, err := net.Listen("tcp4", net.JoinHostPort(loopback, strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("%w: %d on %s: %w", ErrPortTaken, port, loopback, err)
	}
	return l.Close()
}

// freePorts finds n consecutive ports on which nobody listens, and returns the first.
//
// They lie below the range from which the kernel takes the ports of outgoing connections. From that range
// they would be unfit for a broker that is killed and started again: a client that dials the dead broker
// may be given the very port as its own source and connect to itself, and the broker could not listen again.
func freePorts(n int) (int, error) {
	const low = 15000
	high := firstEphemeralPort() - n
	for range 200 {
		base := low + rand.IntN(high-low)
		if portsFree(base, n) {
			return base, nil
		}
	}
	return 0, fmt.Errorf("%w: found no %d consecutive free ports between %d and %d", ErrPortTaken, n, low, high)
}

func portsFree(base, n int) bool {
	for i := range n {
		if checkPort(base+i) != nil {
			return false
		}
	}
	return true
}

// firstEphemeralPort is the first port of the range for outgoing connections: Linux's setting if it can be
// read and leaves room below, else Linux's default, which is lower than those of the BSDs and macOS.
func firstEphemeralPort() int {
	const fallback = 32768
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if errors.Is(err, os.ErrNotExist) {
		return fallback
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\t")
	port, err := strconv.Atoi(first)
	if err != nil || port < 16000 {
		return fallback
	}
	return port
}
