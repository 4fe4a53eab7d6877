package httpserver

import (
	"context"
	"errors"
)

// ErrEnding is the cause with which the context of a stream ends when the server does.
var ErrEnding = errors.New("the server is ending")

type endKey struct{}

// UntilEnd is the context of a stream, made from its request's: it ends with the request,
// and as soon as the server is about to end, with the cause ErrEnding. The stream then has
// the grace to send a last event. Where no server of this package is around, it ends with
// the request only.
func UntilEnd(ctx context.Context) (context.Context, context.CancelFunc) {
	ending, ok := ctx.Value(endKey{}).(context.Context)
	if !ok {
		return context.WithCancel(ctx)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(ending, func() { cancel(ErrEnding) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// Ending says whether a context from UntilEnd ended because the server does.
func Ending(ctx context.Context) bool { return errors.Is(context.Cause(ctx), ErrEnding) }
