package page

import (
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"seatrial/internal/hidden"

	"seatrial/harness/run"
)

// visible shows every character that a reader could not see or that would reorder
// the others. Tabs and line breaks stay; escaping is the template's.
func visible(s string) string {
	clean := func(r rune) bool { return r < utf8.RuneSelf && (r >= ' ' && r != 0x7f || r == '\n' || r == '\t') }
	if strings.IndexFunc(s, func(r rune) bool { return !clean(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case clean(r):
			b.WriteRune(r)
		case hidden.Is(r):
			b.WriteString(hidden.Mark(r))
		default:
			b.WriteRune(r) // what is not a character became U+FFFD
		}
	}
	return b.String()
}

// line is visible text on one line, at most limit characters long.
func line(s string, limit int) string {
	s = strings.Join(strings.Fields(visible(s)), " ")
	runes := []rune(s)
	if len(runes) <= limit {
		return s
	}
	return string(runes[:limit-1]) + "…"
}

// webLink is the address if it is one that may be a link, else empty.
func webLink(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || visible(address) != address {
		return ""
	}
	return u.String()
}

// durationText writes a duration as people do.
func durationText(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%d ms", max(1, d.Milliseconds()))
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return parts(int(d.Minutes()), "min", int(d.Seconds())%60, "s")
	}
	return parts(int(d.Hours()), "h", int(d.Minutes())%60, "min")
}

func parts(n int, unit string, rest int, smaller string) string {
	if rest == 0 {
		return fmt.Sprintf("%d %s", n, unit)
	}
	return fmt.Sprintf("%d %s %d %s", n, unit, rest, smaller)
}

// roughDuration writes a duration roughly.
func roughDuration(d time.Duration) string {
	unit := func(n int, name string) string {
		if n != 1 {
			name += "s"
		}
		return fmt.Sprintf("%d %s", n, name)
	}
	switch {
	case d < time.Minute:
		return "less than a minute"
	case d < time.Hour:
		return unit(int(d.Minutes()), "minute")
	case d < 48*time.Hour:
		return unit(int(d.Hours()), "hour")
	}
	return unit(int(d.Hours()/24), "day")
}

// moment is a time as a page shows it.
type moment struct {
	At  time.Time
	Now time.Time
}

func (m moment) IsZero() bool    { return m.At.IsZero() }
func (m moment) Machine() string { return m.At.UTC().Format(time.RFC3339) }
func (m moment) Full() string    { return m.At.UTC().Format("2006-01-02 15:04:05 UTC") }

// Age is how long ago it was, or how far ahead it is.
func (m moment) Age() string {
	d := m.Now.Sub(m.At)
	switch {
	case d < 0:
		return "in " + roughDuration(-d)
	case d < time.Minute:
		return "just now"
	}
	return roughDuration(d) + " ago"
}

// atHome are the lines that do the same without a forge; empty where they would not
// work, or where copying them would run something that cannot be seen.
func atHome(r run.Request, enrolment string) string {
	lines := strings.Join(r.AtHome(enrolment), "\n")
	if visible(lines) != lines || strings.Count(lines, "\n") != 2 {
		return ""
	}
	return lines
}
