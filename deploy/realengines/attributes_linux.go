package realengines

import "syscall"

// attributes end an engine when the process that started it dies, however it dies.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
