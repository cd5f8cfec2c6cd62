package chdb

import "unsafe"

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
