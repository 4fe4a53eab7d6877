package process

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"testing"

	"seatrial/harness/app"
)

func TestOneWorkerDoesToolAfterTool(t *testing.T) {
	inBothModes(t, func(t *testing.T, m mode) {
		f := newApp(t, m)
		must(t, f.Deploy(t.Context(), release(t, "1.0.0", nil)))
		must(t, f.Put(t.Context(), "data", "file", []byte("content")))
		first := f.idle
		got, err := f.Get(t.Context(), "data", "file")
		must(t, err)
		if string(got) != "content" {
			t.Errorf("got %q", got)
		}
		if _, err := f.Get(t.Context(), "data", "nothing"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a missing file: %v", err)
		}
		_, err = f.SQL(t.Context(), app.Database{Engine: "sqlite", Volume: "data", Path: f.see("volumes/data/nothing")}, "SELECT 1")
		if err == nil {
			t.Error("a database that is not there answers")
		}
		if f.idle != first {
			t.Error("a tool was given another process")
		}
	})
}

func TestAToolThatEndsEarlyTakesNoOtherAlong(t *testing.T) {
	inBothModes(t, func(t *testing.T, m mode) {
		f := newApp(t, m)
		must(t, f.Deploy(t.Context(), release(t, "1.0.0", nil)))
		must(t, f.Put(t.Context(), "data", "large", bytes.Repeat([]byte("x"), 4<<20))) // more than pipes hold

		ctx, cancel := context.WithCancel(t.Context())
		begun, exported := make(chan struct{}), make(chan error)
		read, write := io.Pipe()
		go func() {
			_, err := f.Export(ctx, "data", write)
			exported <- errors.Join(err, write.Close())
		}()
		go func() {
			_, err := io.ReadFull(read, make([]byte, 1<<10))
			must(t, err)
			close(begun)
		}()
		<-begun
		must(t, f.Put(t.Context(), "data", "small", []byte("meanwhile")))
		cancel()
		must(t, read.CloseWithError(io.ErrClosedPipe))
		if err := <-exported; err == nil {
			t.Error("an export that was stopped is whole")
		}
		got, err := f.Get(t.Context(), "data", "small")
		must(t, err)
		if string(got) != "meanwhile" {
			t.Errorf("got %q", got)
		}
	})
}

func TestAWorkerThatDiedIsReplaced(t *testing.T) {
	inBothModes(t, func(t *testing.T, m mode) {
		f := newApp(t, m)
		must(t, f.Deploy(t.Context(), release(t, "1.0.0", nil)))
		must(t, f.Put(t.Context(), "data", "file", []byte("content")))
		f.idle.kill()
		if waitFor(func() error {
			if len(f.idle.exit) == 0 {
				return nil
			}
			return errors.New("it has ended")
		}) == nil {
			t.Fatal("a worker that was killed did not end")
		}
		_, err := f.Get(t.Context(), "data", "file")
		must(t, err)
	})
}
