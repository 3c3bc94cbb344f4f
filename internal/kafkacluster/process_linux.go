package kafkacluster

import "syscall"

// processAttributes puts the process into a group of its own. Unless it is detached, the kernel kills it
// when its parent ends.
func processAttributes(detached bool) *syscall.SysProcAttr {
	if detached {
		return &syscall.SysProcAttr{Setsid: true}
	}
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
