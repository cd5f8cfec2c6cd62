//go:build unix && !linux

package realengines

import "syscall"

// attributes: a process group of its own, so that all of it can be killed. Only Linux can tie it to our own end.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
