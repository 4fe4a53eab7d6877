//go:build tools

// Package nomad pins the Nomad that the tests run against. Nothing here is linked
// into seatrial; `dev/nomad/build` makes the binary.
package nomad

import _ "github.com/hashicorp/nomad"
