// Package archive keeps snapshots as compressed files in a folder.
//
// One folder a run, one file a snapshot: a zstd stream, written under a temporary
// name and renamed when it is whole, readable by its owner alone. Size and digest of
// what was saved are checked when it is read. It neither encrypts nor keeps versions.
package archive

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"

	"seatrial/harness/run"
	"seatrial/harness/vault"
	"seatrial/internal/atomicfile"
)

// Vault is a vault.Vault over a folder. It is safe for concurrent use.
type Vault struct{ root string }

// New returns a vault that keeps everything below root, which is made when
// something is saved.
func New(root string) *Vault { return &Vault{root} }

func (v *Vault) folder(id run.ID) (string, error) {
	checked, err := run.ParseID(string(id))
	if err != nil {
		return "", err
	}
	return filepath.Join(v.root, string(checked)), nil
}

func (v *Vault) path(id run.ID, name string) (string, error) {
	folder, err := v.folder(id)
	// A name may hold anything: its digest is a good file name.
	sum := sha256.Sum256([]byte(name))
	return filepath.Join(folder, hex.EncodeToString(sum[:16])+".zst"), err
}

// Save compresses the stream into a file.
func (v *Vault) Save(ctx context.Context, id run.ID, name string, r io.Reader) (vault.Snapshot, error) {
	snapshot, err := v.save(ctx, id, name, r)
	if err != nil {
		return vault.Snapshot{}, fmt.Errorf("cannot save the snapshot of %s: %w", name, err)
	}
	return snapshot, nil
}

func (v *Vault) save(ctx context.Context, id run.ID, name string, r io.Reader) (s vault.Snapshot, err error) {
	path, err := v.path(id, name)
	if err != nil {
		return s, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return s, err
	}
	sum := sha256.New()
	var size int64
	err = atomicfile.Stream(path, 0o600, func(file io.Writer) error {
		packer, err := zstd.NewWriter(file, zstd.WithEncoderConcurrency(1))
		if err != nil {
			return err
		}
		size, err = io.Copy(io.MultiWriter(packer, sum), readerWith(ctx, r))
		return cmp.Or(errors.Join(err, packer.Close()), ctx.Err())
	})
	if err != nil {
		return s, err
	}
	return vault.Snapshot{Run: id, Name: name, Size: size, Digest: hex.EncodeToString(sum.Sum(nil))}, nil
}

// readerWith stops reading when the context ends.
func readerWith(ctx context.Context, r io.Reader) io.Reader { return &contextReader{ctx, r} }

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// Open returns the stream, which is checked as it is read.
func (v *Vault) Open(_ context.Context, s vault.Snapshot) (io.ReadCloser, error) {
	path, err := v.path(s.Run, s.Name)
	if err != nil {
		return nil, fmt.Errorf("cannot open the snapshot of %s: %w", s.Name, err)
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot open the snapshot of %s: %w", s.Name, vault.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open the snapshot of %s: %w", s.Name, err)
	}
	unpacker, err := zstd.NewReader(file, zstd.WithDecoderConcurrency(1))
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("cannot open the snapshot of %s: %w", s.Name, err)
	}
	return &checked{snapshot: s, file: file, unpacker: unpacker, sum: sha256.New()}, nil
}

// checked gives a stream's end only if it was the stream that was saved.
type checked struct {
	snapshot vault.Snapshot
	file     *os.File
	unpacker *zstd.Decoder
	sum      hash.Hash
	size     int64
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.unpacker.Read(p)
	c.sum.Write(p[:n])
	c.size += int64(n)
	switch {
	case c.size > c.snapshot.Size:
		return n, fmt.Errorf("the snapshot of %s is damaged: it is longer than what was saved", c.snapshot.Name)
	case err == nil:
		return n, nil
	case err != io.EOF:
		return n, fmt.Errorf("the snapshot of %s is damaged: %w", c.snapshot.Name, err)
	case c.size != c.snapshot.Size || hex.EncodeToString(c.sum.Sum(nil)) != c.snapshot.Digest:
		return n, fmt.Errorf("the snapshot of %s is damaged: it is not what was saved", c.snapshot.Name)
	}
	return n, io.EOF
}

func (c *checked) Close() error {
	c.unpacker.Close()
	return c.file.Close()
}

// Forget removes the run's folder.
func (v *Vault) Forget(_ context.Context, id run.ID) error {
	folder, err := v.folder(id)
	if err == nil {
		err = os.RemoveAll(folder)
	}
	if err != nil {
		return fmt.Errorf("cannot remove the snapshots of run %s: %w", id, err)
	}
	return nil
}

var _ vault.Vault = (*Vault)(nil)
