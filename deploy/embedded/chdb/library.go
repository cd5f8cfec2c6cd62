package chdb

import (
	"fmt"
	"reflect"
	"unsafe"

	"github.com/ebitengine/purego"
)

// library is libchdb's C interface, as its chdb.h of 26.7.3 declares it.
// Only the variants with explicit lengths are bound: text may hold NUL bytes.
type library struct {
	setSignals   func(enabled int32)                                                                                                                                            `sym:"chdb_set_signal_handlers_enabled"`
	connect      func(int32, unsafe.Pointer) unsafe.Pointer                                                                                                                     `sym:"chdb_connect"`
	closeConn    func(unsafe.Pointer)                                                                                                                                           `sym:"chdb_close_conn"`
	query        func(unsafe.Pointer, unsafe.Pointer, uintptr, unsafe.Pointer, uintptr, unsafe.Pointer, unsafe.Pointer, unsafe.Pointer, unsafe.Pointer, uintptr) unsafe.Pointer `sym:"chdb_query_with_params_n"`
	streamQuery  func(unsafe.Pointer, unsafe.Pointer, uintptr, unsafe.Pointer, uintptr, unsafe.Pointer, unsafe.Pointer, unsafe.Pointer, unsafe.Pointer, uintptr) unsafe.Pointer `sym:"chdb_stream_query_with_params_n"`
	streamInsert func(unsafe.Pointer, unsafe.Pointer, uintptr, unsafe.Pointer, uintptr, unsafe.Pointer, unsafe.Pointer, unsafe.Pointer, unsafe.Pointer, uintptr) unsafe.Pointer `sym:"chdb_stream_insert_with_params_n"`
	streamFetch  func(conn, stream unsafe.Pointer) unsafe.Pointer                                                                                                               `sym:"chdb_stream_fetch_result"`
	streamCancel func(conn, stream unsafe.Pointer)                                                                                                                              `sym:"chdb_stream_cancel_query"`
	classify     func(unsafe.Pointer, unsafe.Pointer, uintptr, unsafe.Pointer, uintptr, unsafe.Pointer) int32                                                                   `sym:"chdb_classify_query_n"`

	insertAppend  func(stream, data unsafe.Pointer, n uintptr) int32 `sym:"chdb_stream_append"`
	insertDone    func(stream unsafe.Pointer) unsafe.Pointer         `sym:"chdb_stream_done"`
	insertCancel  func(stream unsafe.Pointer)                        `sym:"chdb_stream_cancel_insert"`
	insertError   func(stream unsafe.Pointer) string                 `sym:"chdb_stream_insert_error"`
	insertDestroy func(stream unsafe.Pointer)                        `sym:"chdb_destroy_insert_stream"`

	resultBuffer       func(unsafe.Pointer) unsafe.Pointer `sym:"chdb_result_buffer"`
	resultLength       func(unsafe.Pointer) uintptr        `sym:"chdb_result_length"`
	resultError        func(unsafe.Pointer) string         `sym:"chdb_result_error"`
	resultRowsRead     func(unsafe.Pointer) uint64         `sym:"chdb_result_rows_read"`
	storageRowsRead    func(unsafe.Pointer) uint64         `sym:"chdb_result_storage_rows_read"`
	storageBytesRead   func(unsafe.Pointer) uint64         `sym:"chdb_result_storage_bytes_read"`
	resultRowsWritten  func(unsafe.Pointer) uint64         `sym:"chdb_result_rows_written"`
	resultBytesWritten func(unsafe.Pointer) uint64         `sym:"chdb_result_bytes_written"`
	resultDestroy      func(unsafe.Pointer)                `sym:"chdb_destroy_query_result"`
}

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
