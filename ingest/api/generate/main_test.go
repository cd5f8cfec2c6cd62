package main

import (
	"bytes"
	"os"
	"testing"
)

// What is checked in is what the handlers say: 'make generate' writes it.
func TestTheDocumentIsTheHandlers(t *testing.T) {
	want, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../openapi.json")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("openapi.json is not what the handlers say (%v): run 'make generate'", err)
	}
}
