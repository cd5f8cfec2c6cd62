//go:build !linux

package realengines

import "syscall"

// attributes: only Linux ends children with their parent; elsewhere a killed test leaves its engines running.
func attributes() *syscall.SysProcAttr { return nil }
