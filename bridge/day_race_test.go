//go:build race

package bridge_test

import "time"

// wholeDay is a shorter one where the race detector makes everything ten times slower. All
// kinds of trouble come in it.
var wholeDay = size{length: 4 * time.Hour, repos: 10, comments: 200, pushes: 15, restarts: 8, trouble: 11 * time.Minute}
