//go:build !slim

package chdb

import (
	"fmt"
	"reflect"
	"unsafe"

	"github.com/ebitengine/purego"
)

// openLibrary loads the shared library at path and resolves every symbol of library.
// The library stays loaded for the life of the process: the engine cannot be started twice in one.
func openLibrary(path string) (*library, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("load libchdb from %s (on Linux it needs glibc): %w", path, err)
	}
	lib := new(library)
	if err := bind(handle, reflect.ValueOf(lib).Elem()); err != nil {
		return nil, fmt.Errorf("%s is not the libchdb this program was written for (%s): %w", path, Version, err)
	}
	return lib, nil
}

// bind fills each field of lib with the C function that its tag names.
func bind(handle uintptr, lib reflect.Value) error {
	for i := range lib.NumField() {
		name := lib.Type().Field(i).Tag.Get("sym")
		symbol, err := purego.Dlsym(handle, name)
		if err != nil {
			return fmt.Errorf("look up %s: %w", name, err)
		}
		field := unsafe.Pointer(lib.Field(i).UnsafeAddr())
		purego.RegisterFunc(reflect.NewAt(lib.Type().Field(i).Type, field).Interface(), symbol)
	}
	return nil
}
