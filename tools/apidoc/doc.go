// Apidoc writes docs/api-reference.md from the comments in proto/. `make generate` pipes it
// what buf builds of the contract, comments included:
//
//	buf build --output - | go run ./tools/apidoc docs/api-reference.md
package main
