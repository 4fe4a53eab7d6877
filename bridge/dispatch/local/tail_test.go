package local

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestTheEndOfWhatWasPrintedIsReadAndNoMore(t *testing.T) {
	path := filepath.Join(t.TempDir(), outputFile)
	if got := tail(path); got != "" {
		t.Errorf("of no file it read %q", got)
	}
	if err := os.WriteFile(path, []byte("cannot read\nthe sea chart\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := tail(path); got != "cannot read the sea chart" {
		t.Errorf("got %q", got)
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	const printed = 64 << 20
	if _, err := file.WriteAt([]byte("out of memory\n"), printed); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := tail(path)
	runtime.ReadMemStats(&after)
	if !strings.HasSuffix(got, "out of memory") {
		t.Errorf("got %q", got)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("it took %d KiB of memory for %d MiB", took>>10, printed>>20)
	}
}
