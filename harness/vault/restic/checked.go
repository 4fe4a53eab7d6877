package restic

import (
	"context"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"

	"seatrial/harness/vault"
)

// checked gives a stream's end only if it was the stream that was saved, and restic
// is content.
type checked struct {
	snapshot vault.Snapshot
	sum      hash.Hash
	size     int64

	// Of the restic that prints it; all nil for a stream of nothing.
	out   *os.File
	child *child
	stop  context.CancelFunc
}

func (c *checked) Read(p []byte) (n int, err error) {
	if c.out == nil {
		return 0, c.end()
	}
	n, err = c.out.Read(p)
	c.sum.Write(p[:n])
	c.size += int64(n)
	switch {
	case c.size > c.snapshot.Size:
		return n, fmt.Errorf("the snapshot of %s is damaged: it is longer than what was saved", c.snapshot.Name)
	case err == nil:
		return n, nil
	case err != io.EOF:
		return n, fmt.Errorf("cannot read the snapshot of %s: %w", c.snapshot.Name, err)
	}
	return n, c.end()
}

// end is what stands behind the last byte.
func (c *checked) end() error {
	if c.child != nil {
		if err := c.child.wait(); err != nil {
			return fmt.Errorf("the snapshot of %s cannot be read: %w", c.snapshot.Name, err)
		}
	}
	if c.size != c.snapshot.Size || hex.EncodeToString(c.sum.Sum(nil)) != c.snapshot.Digest {
		return fmt.Errorf("the snapshot of %s is damaged: it is not what was saved", c.snapshot.Name)
	}
	return io.EOF
}

// Close ends restic, also in the middle of the stream.
func (c *checked) Close() error {
	if c.out == nil {
		return nil
	}
	c.stop()
	_ = c.child.wait() // whether it was content was said at the stream's end
	return c.out.Close()
}
