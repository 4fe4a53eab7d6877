// Package tools only names the programs that dev/check and dev/test run; see go.mod.
//
// They have a module of their own, so that what they need is no dependency of the
// program. `go tool -modfile=dev/tools/go.mod NAME` builds and runs one of them.
package tools
