package doctor

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"seatrial/bridge/forge"
)

// marks say a state in one character; the word stands beside it.
var marks = map[forge.AbilityState]string{
	forge.AbilityThere: "✔", forge.AbilityWeak: "!", forge.AbilityMissing: "✘", forge.AbilityUnknown: "?",
}

// paints are the states' colours on a terminal.
var paints = map[forge.AbilityState]string{
	forge.AbilityThere: "\x1b[32m", forge.AbilityWeak: "\x1b[33m", forge.AbilityMissing: "\x1b[31m", forge.AbilityUnknown: "\x1b[36m",
}

const unpaint = "\x1b[0m"

// Print writes blocks for a person: a line an ability, and below it what to do. The columns
// are the same whatever was found. clean makes text of strangers harmless.
func Print(w io.Writer, blocks []Block, colour bool, clean func(string) string) error {
	var out strings.Builder
	for i, b := range blocks {
		if i > 0 {
			out.WriteByte('\n')
		}
		fmt.Fprintln(&out, clean(b.About))
		for _, a := range b.Abilities {
			state := fmt.Sprintf("%s %-7s", marks[a.State], a.State)
			if colour {
				state = paints[a.State] + state + unpaint
			}
			fmt.Fprintf(&out, "  %s  %s  %s\n", state, padded(clean(a.Name)), clean(a.Why))
			if a.Next != "" {
				fmt.Fprintf(&out, "%13s→ %s\n", "", clean(a.Next))
			}
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// nameWidth fits nearly all names; a longer one moves only its own line.
const nameWidth = 32

func padded(name string) string {
	return name + strings.Repeat(" ", max(0, nameWidth-utf8.RuneCountInString(name)))
}
