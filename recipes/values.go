package recipes

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// CommandLine is a command: a list of arguments, run as they are, or one string,
// run by sh -c.
type CommandLine struct {
	Args  []string
	Shell string
}

// IsZero says that there is no command.
func (c CommandLine) IsZero() bool { return len(c.Args) == 0 && c.Shell == "" }

// String is the command as a person would type it.
func (c CommandLine) String() string {
	if c.Shell != "" {
		return c.Shell
	}
	return strings.Join(c.Args, " ")
}

func (c CommandLine) value() any {
	if c.Shell != "" {
		return c.Shell
	}
	return c.Args
}

// MarshalJSON writes the form that was read.
func (c CommandLine) MarshalJSON() ([]byte, error) { return json.Marshal(c.value()) }

// UnmarshalJSON reads either form.
func (c *CommandLine) UnmarshalJSON(b []byte) error { return c.read(b, json.Unmarshal) }

// MarshalYAML writes the form that was read.
func (c CommandLine) MarshalYAML() (any, error) { return c.value(), nil }

// UnmarshalYAML reads either form.
func (c *CommandLine) UnmarshalYAML(b []byte) error {
	return c.read(b, func(b []byte, v any) error { return yaml.Unmarshal(b, v) })
}

func (c *CommandLine) read(b []byte, unmarshal func([]byte, any) error) error {
	*c = CommandLine{}
	if err := unmarshal(b, &c.Args); err == nil {
		return nil
	}
	c.Args = nil
	return unmarshal(b, &c.Shell)
}

// Duration is a time span written like 90s, 5m or 1h30m.
type Duration time.Duration

// String is the Go form.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes the Go form.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads it.
func (d *Duration) UnmarshalText(b []byte) error {
	span, err := time.ParseDuration(string(b))
	if err != nil || span <= 0 {
		return fmt.Errorf("%q is not a time span: write one like 90s, 5m or 1h30m", b)
	}
	*d = Duration(span)
	return nil
}

// ByteSize is an amount of memory written like 512MiB or 1GiB.
type ByteSize int64

var byteUnits = []struct {
	suffix string
	factor int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// String is the largest unit that divides it.
func (s ByteSize) String() string {
	for _, u := range byteUnits {
		if s != 0 && int64(s)%u.factor == 0 {
			return strconv.FormatInt(int64(s)/u.factor, 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// MarshalText writes String's form.
func (s ByteSize) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a whole number with or without a unit.
func (s *ByteSize) UnmarshalText(b []byte) error {
	text, factor := string(b), int64(1)
	for _, u := range byteUnits {
		if number, ok := strings.CutSuffix(text, u.suffix); ok {
			text, factor = number, u.factor
			break
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n <= 0 || n > math.MaxInt64/factor {
		return fmt.Errorf("%q is not a size: write one like 512MiB or 1GiB", b)
	}
	*s = ByteSize(n * factor)
	return nil
}
