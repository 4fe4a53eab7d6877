//go:build !race

package bridge_test

import "time"

var wholeDay = size{length: 24 * time.Hour, repos: 40, comments: 1000, pushes: 60, restarts: 22, trouble: 20 * time.Minute}
