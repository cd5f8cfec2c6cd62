package chdb

import "syscall"

// childAttributes: a process group of its own, so that Ctrl-C reaches the program, which then stops the engine last;
// and the kernel kills the engine, even a stopped one, when the program dies.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
