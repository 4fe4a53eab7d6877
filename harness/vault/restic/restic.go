// Package restic keeps snapshots with the restic program: encrypted, in a repository
// for each run.
//
// A run's folder holds its repository, the repository's password, which is made up for
// it, and an index of the names that were saved. A snapshot exists when the index names
// it, which it does after restic has stored the whole stream: a stream that broke off
// ends in a restic that was killed, never in one that took the end of its input for the
// end of the data. Size and digest of what was saved are checked when it is read,
// besides what restic checks itself. Nothing is pruned: what was replaced lies there,
// unreachable, until the run is forgotten. No text of restic's is interpreted, so that
// its version does not matter: 0.14 says less by its exit code than 0.17.
package restic

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"seatrial/harness/run"
	"seatrial/harness/vault"
)

// Vault is a vault.Vault over a folder. It is safe for concurrent use.
type Vault struct {
	root string
	init sync.Mutex // one repository is made at a time
}

// New returns a vault that keeps everything below root, which is made when something
// is saved.
func New(root string) *Vault { return &Vault{root: root} }

// checkLimit is for a program that only says its version.
const checkLimit = 30 * time.Second

// Check says what is missing for a vault of this kind to work on this machine.
func Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	child, err := start(ctx, "", nil, nil, nil, "version")
	if err != nil {
		return err
	}
	return child.wait()
}

// Save hands the stream to restic.
func (v *Vault) Save(ctx context.Context, id run.ID, name string, r io.Reader) (vault.Snapshot, error) {
	snapshot, err := v.save(ctx, id, name, r)
	if err != nil {
		return vault.Snapshot{}, fmt.Errorf("cannot save the snapshot of %s: %w", name, err)
	}
	return snapshot, nil
}

func (v *Vault) save(ctx context.Context, id run.ID, name string, r io.Reader) (s vault.Snapshot, err error) {
	f, err := v.folder(id)
	if err != nil {
		return s, err
	}
	if err := ctx.Err(); err != nil {
		return s, err
	}
	if err := v.prepare(ctx, f); err != nil {
		return s, err
	}
	sum := sha256.New()
	stream := bufio.NewReader(io.TeeReader(r, sum))
	var held entry
	// restic refuses to keep a stream of nothing.
	if _, err := stream.Peek(1); err == nil {
		if held, err = f.backup(ctx, stream); err != nil {
			return s, err
		}
	} else if !errors.Is(err, io.EOF) {
		return s, err
	}
	if err := ctx.Err(); err != nil {
		return s, err
	}
	if err := f.write(name, held); err != nil {
		return s, err
	}
	return vault.Snapshot{Run: id, Name: name, Size: held.Size, Digest: hex.EncodeToString(sum.Sum(nil))}, nil
}

// Prepare makes the run's repository, which takes seconds.
func (v *Vault) Prepare(ctx context.Context, id run.ID) error {
	f, err := v.folder(id)
	if err == nil {
		err = v.prepare(ctx, f)
	}
	if err != nil {
		return fmt.Errorf("cannot prepare for snapshots of run %s: %w", id, err)
	}
	return nil
}

// prepare makes the run's repository where there is none.
func (v *Vault) prepare(ctx context.Context, f folder) error {
	v.init.Lock()
	defer v.init.Unlock()
	if f.ready() {
		return nil
	}
	if err := f.make(); err != nil {
		return err
	}
	child, err := f.start(ctx, nil, nil, "init")
	if err == nil {
		err = child.wait()
	}
	if err != nil {
		return fmt.Errorf("cannot make a repository: %w", err)
	}
	return nil
}

// The one file of a snapshot, and what marks its snapshots: nothing of the machine.
const (
	fileName = "stream"
	label    = "seatrial"
)

// backup gives the stream to restic, which takes whatever it got for all there is as
// soon as its input ends. Its input ends here only after the stream did.
func (f folder) backup(ctx context.Context, stream io.Reader) (held entry, err error) {
	in, feed, err := os.Pipe()
	if err != nil {
		return held, err
	}
	// Not before restic has ended: the end of its input is what makes a snapshot.
	defer feed.Close()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var said summary
	child, err := f.start(ctx, in, &said, "backup", "--json", "--stdin", "--stdin-filename", fileName, "--host", label, "--tag", label)
	in.Close()
	if err != nil {
		return held, err
	}
	from := &source{ctx: ctx, r: stream}
	held.Size, err = io.Copy(feed, from)
	if from.err != nil {
		stop(from.err) // kills it
		child.wait()
		return held, from.err
	}
	if err != nil {
		// It takes no more, because it ended, and tells why.
		return held, cmp.Or(child.wait(), err)
	}
	if err := feed.Close(); err != nil {
		return held, err
	}
	if err := child.wait(); err != nil {
		return held, err
	}
	held.Snapshot, err = said.snapshot(held.Size)
	return held, err
}

// source remembers that the stream failed, and does when the context ends.
type source struct {
	ctx context.Context
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (n int, err error) {
	if err = s.ctx.Err(); err == nil {
		n, err = s.r.Read(p)
	}
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// Open returns the stream, which is checked as it is read.
func (v *Vault) Open(ctx context.Context, s vault.Snapshot) (io.ReadCloser, error) {
	stream, err := v.open(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("cannot open the snapshot of %s: %w", s.Name, err)
	}
	return stream, nil
}

func (v *Vault) open(ctx context.Context, s vault.Snapshot) (io.ReadCloser, error) {
	f, err := v.folder(s.Run)
	if err != nil {
		return nil, err
	}
	held, err := f.read(s.Name)
	if err != nil {
		return nil, err
	}
	c := &checked{snapshot: s, sum: sha256.New()}
	if held.Snapshot == "" {
		return c, nil
	}
	out, into, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	ctx, c.stop = context.WithCancel(ctx)
	c.child, err = f.start(ctx, nil, into, "dump", "--no-lock", held.Snapshot, "/"+fileName)
	into.Close()
	if err != nil {
		c.stop()
		out.Close()
		return nil, err
	}
	c.out = out
	return c, nil
}

// Forget removes the run's folder.
func (v *Vault) Forget(_ context.Context, id run.ID) error {
	f, err := v.folder(id)
	if err == nil {
		err = os.RemoveAll(string(f))
	}
	if err != nil {
		return fmt.Errorf("cannot remove the snapshots of run %s: %w", id, err)
	}
	return nil
}

var (
	_ vault.Vault    = (*Vault)(nil)
	_ vault.Preparer = (*Vault)(nil)
)
