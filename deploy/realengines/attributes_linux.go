package realengines

import "syscall"

// attributes: a process group of its own, so that all of it can be killed; and the kernel kills the engine when the test
// binary dies, however it dies.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
