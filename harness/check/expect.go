package check

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"seatrial/harness/run"
	"seatrial/internal/hidden"
	"seatrial/recipes"
)

// compare holds the answer against what was expected.
func (a answer) compare(want recipes.Expect, fill *filler) error {
	if err := a.compareEnd(want); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(want.Headers)) {
		value := fill.text(want.Headers[name])
		if got := strings.Join(a.header.Values(name), ", "); !strings.Contains(got, value) || got == "" {
			return a.fault("expected the header %s to contain %q, got %q", name, value, hidden.Blot(got))
		}
	}
	for _, text := range want.Text {
		if text = fill.text(text); !strings.Contains(a.body, text) {
			return a.fault("expected %q in the answer, and it is not there", text)
		}
	}
	for _, text := range want.NotText {
		if text = fill.text(text); strings.Contains(a.body, text) {
			return a.fault("expected no %q in the answer, and it is there", text)
		}
	}
	if err := a.compareJSON(want.JSON, fill); err != nil {
		return err
	}
	if fill.missing != "" {
		return fill.fault()
	}
	return nil
}

// compareEnd looks at the status or the exit code.
func (a answer) compareEnd(want recipes.Expect) error {
	switch {
	case !a.isHTTP() && a.exit != 0:
		return a.fault("the command ended with exit code %d", a.exit)
	case !a.isHTTP():
		return nil
	case want.Status != 0 && a.status != want.Status:
		return a.fault("expected status %d, got %d %s", want.Status, a.status, http.StatusText(a.status))
	case want.Status == 0 && a.status >= http.StatusBadRequest:
		return a.fault("expected a status below 400, got %d %s", a.status, http.StatusText(a.status))
	}
	return nil
}

// fault is a *run.Fault with what was asked in front and the answer as evidence.
func (a answer) fault(format string, args ...any) error {
	evidence := []string{}
	if a.isHTTP() {
		evidence = append(evidence, "HTTP "+strconv.Itoa(a.status)+" "+http.StatusText(a.status))
	}
	lines := strings.Split(strings.TrimRight(a.body, "\r\n"), "\n")
	if lines[0] == "" && len(lines) == 1 {
		lines = nil
	}
	for i, line := range lines {
		if i == evidenceLines {
			evidence = append(evidence, fmt.Sprintf("... and %d more lines", len(lines)-i))
			break
		}
		evidence = append(evidence, clip(hidden.Blot(line)))
	}
	if a.cut {
		evidence = append(evidence, "(the answer is longer than 4 MiB; only its beginning was read)")
	}
	return &run.Fault{Summary: a.asked + ": " + fmt.Sprintf(format, args...), Evidence: evidence}
}
