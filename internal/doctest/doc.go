// Package doctest keeps the documentation true, as tests: code in a page is
// that of a file that is built and tested, and links lead somewhere.
//
// A page names the source of a block in a comment before it:
//
//	<!-- code: docs/examples/orders/orders.go#processor -->
//
// The part of the file is what lies between the comments "doc: processor" and
// "end" in it; without a part it is the whole file. After a change of the
// source, go test ./internal/doctest -update brings the pages up to date.
//
// And nothing is without documentation: every operator has an example, a
// benchmark, and its place in docs/operators.md.
package doctest
