// Package vault keeps snapshots of an app's volumes for the length of a run.
//
// A vault stores streams of bytes under a run and a name and gives them back
// unchanged, or says that it cannot: a snapshot that was cut short or altered is
// an error when it is opened or read, never less data. It knows nothing about apps.
package vault

import (
	"context"
	"errors"
	"io"

	"seatrial/harness/run"
)

// ErrNotFound: there is no such snapshot.
var ErrNotFound = errors.New("no such snapshot")

// Snapshot names one saved stream.
type Snapshot struct {
	Run    run.ID `json:"run"`
	Name   string `json:"name"`
	Size   int64  `json:"size"`   // bytes of the stream, before compression
	Digest string `json:"digest"` // SHA-256 of the stream, in hexadecimal
}

// Vault keeps snapshots.
type Vault interface {
	// Save reads the stream to its end. If the reader fails, nothing is kept. Saving
	// a name again replaces it.
	Save(ctx context.Context, id run.ID, name string, r io.Reader) (Snapshot, error)

	// Open returns the stream. Reading it to the end without an error means that
	// every byte was verified. ErrNotFound if it is not there.
	Open(ctx context.Context, s Snapshot) (io.ReadCloser, error)

	// Forget removes everything of the run. It is safe any number of times.
	Forget(ctx context.Context, id run.ID) error
}

// Preparer is implemented by vaults for which the first snapshot of a run takes long
// to begin. Whoever holds something still to save it prepares the vault before.
type Preparer interface {
	// Prepare does what Save would do first. It is safe any number of times.
	Prepare(ctx context.Context, id run.ID) error
}
