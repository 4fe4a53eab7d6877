// Command ledger is the app of the example recipe of that name.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"seatrial/recipes/examples/internal/ledger"
)

var version = "0.0.0" // set when it is linked

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := ledger.Run(ctx, version, os.Args[1:], os.Getenv, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "ledger:", err)
		os.Exit(1)
	}
}
