// Toolchain is the guestbook's toolchain and nothing else, so that it can be linked
// statically: a task sees no libraries.
package main

import (
	"fmt"
	"os"

	"seatrial/recipes/examples"
)

func main() {
	examples.Main()
	fmt.Fprintln(os.Stderr, "this is the guestbook's toolchain: call it guestbook")
	os.Exit(1)
}
