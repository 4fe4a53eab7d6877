package page

import (
	"fmt"
	"strings"

	"seatrial/harness/run"
)

// measured says what a run was seen to take, or nothing where nothing was measured.
func measured(m *run.Measured) string {
	if m == nil {
		return ""
	}
	var parts []string
	for _, p := range []struct {
		bytes int64
		what  string
	}{{m.Memory, "of memory"}, {m.Images, "of images"}, {m.Volumes, "in its volumes"}, {m.Backup, "in its backup"}} {
		if p.bytes > 0 {
			parts = append(parts, size(p.bytes)+" "+p.what)
		}
	}
	return strings.Join(parts, ", ")
}

// size is an amount with as many digits as somebody reads.
func size(bytes int64) string {
	const kib, mib, gib = 1 << 10, 1 << 20, 1 << 30
	switch {
	case bytes >= gib:
		return fmt.Sprintf("%.1f GiB", float64(bytes)/gib)
	case bytes >= mib:
		return fmt.Sprintf("%d MiB", (bytes+mib/2)/mib)
	case bytes >= kib:
		return fmt.Sprintf("%d KiB", (bytes+kib/2)/kib)
	}
	return fmt.Sprintf("%d bytes", bytes)
}
