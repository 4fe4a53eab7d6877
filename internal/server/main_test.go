package server

import (
	"os"
	"testing"

	"seatrial/harness/app/process"
)

func TestMain(m *testing.M) {
	process.Main() // the tests' binary is what a server tries a sandbox with
	os.Exit(m.Run())
}
