//go:build tools

// Package gitea pins the Gitea that the tests run against. Nothing here is linked
// into seatrial; `dev/gitea/build` makes the binary.
package gitea

import _ "code.gitea.io/gitea"
