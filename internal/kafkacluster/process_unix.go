//go:build unix && !linux

package kafkacluster

import "syscall"

// processAttributes puts the process into a group of its own. Outside Linux the kernel does not end it with
// its parent: a parent that is killed leaves its brokers behind.
func processAttributes(detached bool) *syscall.SysProcAttr {
	if detached {
		return &syscall.SysProcAttr{Setsid: true}
	}
	return &syscall.SysProcAttr{Setpgid: true}
}
