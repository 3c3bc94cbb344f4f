// Package archtest holds the rules that the compiler does not check, as tests: which package may import
// which (imports_test.go), and what no file may contain (files_test.go).
//
// Imports point one way:
//
//	apps -> processors -> pipeline -> internal -> storage
//
// The rules are about what users build. Tests may import upward: the engine's tests use the public layer.
package archtest
