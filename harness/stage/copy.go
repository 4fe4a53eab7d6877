package stage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
)

// save streams what is chosen of one volume into the vault.
func (x *exam) save(ctx context.Context, volume string, chosen choice) (saved, error) {
	s := saved{volume: volume}
	err := within(ctx, copyLimit, "copying the volume "+volume, func(ctx context.Context) (err error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		exported, toFilter := io.Pipe()
		filtered, toVault := io.Pipe()
		var notKept []string
		export, copied := make(chan error, 1), make(chan error, 1)
		go func() {
			err := guard(func() (err error) {
				notKept, err = x.App.Export(ctx, volume, toFilter)
				return err
			})
			toFilter.CloseWithError(err)
			export <- stepped("cannot export the volume "+volume, err)
		}()
		go func() {
			err := guard(func() (err error) {
				s.manifest, err = filter(exported, toVault, volume, chosen)
				return err
			})
			exported.CloseWithError(errors.Join(errStopped, err))
			toVault.CloseWithError(err)
			copied <- stepped("cannot copy the volume "+volume, err)
		}()
		s.snapshot, err = x.Vault.Save(ctx, x.Run, "volume-"+volume, filtered)
		filtered.CloseWithError(errStopped)
		// An error runs down the stream: the one furthest up is the cause.
		err = cmp.Or(<-export, <-copied, stepped("cannot keep the copy of the volume "+volume, err))
		x.tellNotKept(volume, notKept)
		return err
	})
	return s, err
}

// tellNotKept writes down what a copy of a volume lacks.
func (x *exam) tellNotKept(volume string, notKept []string) {
	for _, line := range notKept {
		x.say("of the volume %s, %s", volume, line)
	}
}

// errStopped ends the parts of a stream whose reader is done.
var errStopped = errors.New("the copy was stopped")

// guard turns a panic on a goroutine of ours into an error.
func guard(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a mistake in this program: %v", p)
		}
	}()
	return do()
}

func stepped(what string, err error) error {
	if err == nil || errors.Is(err, errStopped) {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
