//go:build unix && !linux

package chdb

import "syscall"

// childAttributes: a process group of its own, so that Ctrl-C reaches the program, which then stops the engine last.
// That the program died, the engine learns from the end of its standard input.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
