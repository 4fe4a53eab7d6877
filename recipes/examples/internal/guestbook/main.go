// Package guestbook is the toolchain of the example recipe of that name.
//
// A guestbook's release is a folder of templates and SQL: `guestbook build OUT`
// checks them and writes an executable of them, which is this program with the
// release's files appended. What runs is therefore the release's own program, with
// its own content, while building one takes no compiler, no network and no time.
// The program listens on $PORT of $ADDRESS (default: loopback) and keeps everything in $DATA_DIR. It promises
// nothing beyond what an example needs.
package guestbook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

// Name is what the executable must be called to be the guestbook.
const Name = "guestbook"

// Main runs the guestbook and ends the process, if the process was started under
// its name. Else it returns at once.
func Main() {
	if filepath.Base(os.Args[0]) != Name {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := Run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "guestbook:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

const usage = "usage: guestbook build OUT | migrate | serve | backup FILE | restore FILE | load FILE | version"

// Run is the guestbook's command line.
func Run(ctx context.Context, args []string, out io.Writer) error {
	verb, file := "", ""
	switch len(args) {
	case 2:
		file = args[1]
		fallthrough
	case 1:
		verb = args[0]
	}
	if takesFile := verb == "build" || verb == "backup" || verb == "restore" || verb == "load"; takesFile != (file != "") {
		return errors.New(usage)
	}
	if verb == "build" {
		return build(".", file)
	}
	p, err := appended()
	if err != nil {
		return err
	}
	switch verb {
	case "version":
		_, err = fmt.Fprintln(out, p.version)
		return err
	case "serve":
		return serve(ctx, p, out)
	case "migrate", "backup", "restore", "load":
	default:
		return errors.New(usage)
	}
	data := os.Getenv("DATA_DIR")
	if data == "" {
		return errors.New("DATA_DIR is not set: it names the folder in which the entries are kept")
	}
	switch verb {
	case "backup":
		return backup(ctx, data, file)
	case "restore":
		return restore(ctx, data, file)
	case "load":
		return load(ctx, data, file)
	}
	s, err := open(ctx, data)
	if err != nil {
		return err
	}
	return s.migrate(ctx, p, out)
}
