package nomad

import (
	"context"
	"io"
)

var (
	ErrNoFile  = errNoFile
	ErrNoFiles = errNoFiles
)

func (d *Dispatcher) Read(ctx context.Context, alloc, path string, offset, atMost int64, w io.Writer) error {
	return d.read(ctx, alloc, path, offset, atMost, w)
}
