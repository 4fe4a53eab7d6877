package dispatch_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"seatrial/bridge/dispatch"
	"seatrial/harness/run"
)

func TestTheLastWordIsLookedForAtTheEnd(t *testing.T) {
	id := run.NewID(time.Now())
	line := func(kind run.Kind, seq int64) []byte {
		text, err := json.Marshal(run.Event{Run: id, Attempt: 1, Source: run.Harness, Seq: seq, At: time.Now(), Kind: kind})
		if err != nil {
			t.Fatal(err)
		}
		return append(text, '\n')
	}
	path := filepath.Join(t.TempDir(), dispatch.EventsFile)
	if said, err := dispatch.SaysFinished(path, id, 1); said || err != nil {
		t.Errorf("there is no file: %v, %v", said, err)
	}
	var long []byte
	for seq := int64(1); len(long) < 4<<20; seq++ {
		long = append(long, line(run.KindWarning, seq)...)
	}
	for what, want := range map[string]bool{"": false, string(line(run.KindFinished, 1<<40)): true, string(line(run.KindFinished, 1<<40)) + `{"run":"cut sh`: true} {
		if err := os.WriteFile(path, append(long, what...), 0o600); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		said, err := dispatch.SaysFinished(path, id, 1)
		runtime.ReadMemStats(&after)
		if said != want || err != nil {
			t.Errorf("after %q: %v, %v", what, said, err)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > uint64(len(long))/2 {
			t.Errorf("%d bytes were taken to read the end of a file of %d", took, len(long))
		}
		if said, err := dispatch.SaysFinished(path, id, 2); said || err != nil {
			t.Errorf("another attempt: %v, %v", said, err)
		}
	}
}
