package adapter_test

import (
	"errors"
	"fmt"
	"net"
	"testing"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

func TestSilentTellsNoAnswerFromOneThatRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"nothing listens":     {&adapter.BrokenError{Method: "GET", Path: "/", Cause: &net.OpError{Op: "dial", Err: errors.New("refused")}}, true},
		"it is down":          {&adapter.Error{Status: 503}, true},
		"a page of a proxy":   {&adapter.Error{Status: 200, Why: "the answer is not JSON"}, true},
		"it refuses":          {&adapter.Error{Status: 401}, false},
		"it is not found":     {&adapter.Error{Status: 404}, false},
		"it is tired of us":   {&adapter.Error{Status: 429, Limited: &forge.LimitedError{}}, false},
		"it is none of these": {errors.New("the answer names nobody"), false},
	} {
		if got := adapter.Silent(adapter.Failed(c.err, "find out who we are")); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		if got := adapter.Silent(fmt.Errorf("cannot: %w", c.err)); got != c.want {
			t.Errorf("%s, wrapped: %v, want %v", name, got, c.want)
		}
	}
}
