package gitea

import "seatrial/bridge/forge/adapter"

// What all adapters have in common, by the names that read well here.
type (
	answerError = adapter.Error
	// AccessError says what somebody must do so that we can work: it does not pass by
	// itself.
	AccessError = adapter.AccessError
)

func plain(err error) error { return adapter.Plain(err) }

func failed(err error, format string, args ...any) error {
	return adapter.Failed(err, format, args...)
}

func cannotWork(format string, args ...any) error { return adapter.CannotWork(format, args...) }
