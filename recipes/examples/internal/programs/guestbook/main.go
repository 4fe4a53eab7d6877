// Command guestbook is the guestbook's toolchain as a small program of its own, for images.
package main

import (
	"fmt"
	"os"

	"seatrial/recipes/examples/internal/guestbook"
)

func main() {
	guestbook.Main()
	fmt.Fprintf(os.Stderr, "this program must be called %s\n", guestbook.Name)
	os.Exit(2)
}
