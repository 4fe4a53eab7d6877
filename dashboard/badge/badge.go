// Package badge draws the picture that a recipe's README shows.
//
// The plain badge tells the latest finished run of what is on the default branch;
// a pull request's own result shows only under ?pr=N. A badge may understate and
// never overstates: it is green only for a run whose verdict is pass. Whatever is
// asked for, the answer is a picture. The package writes nothing and decides
// nothing: the verdict is the report's own.
package badge

import (
	"fmt"
	"strings"
	"time"

	"seatrial/harness/run"
)

// Label is what the left half says unless the reader asks for something else.
const Label = "seatrial"

// Color is a badge's background.
type Color string

// The colours, as shields.io names them.
const (
	BrightGreen Color = "brightgreen"
	Green       Color = "green"
	YellowGreen Color = "yellowgreen"
	Yellow      Color = "yellow"
	Orange      Color = "orange"
	Red         Color = "red"
	Blue        Color = "blue"
	Grey        Color = "lightgrey"
)

var fills = map[Color]string{
	BrightGreen: "#44bb00", Green: "#67ac09", YellowGreen: "#95991a", Yellow: "#d8b800",
	Orange: "#ea7233", Red: "#dd4343", Blue: "#007ec6", Grey: "#939393",
}

// Badge is what a picture says.
type Badge struct {
	Label   string
	Message string
	Color   Color
}

// Badges for what has no run to speak of.
var (
	untested      = Badge{Label, "untested", Grey}
	unknownRecipe = Badge{Label, "unknown recipe", Grey}
	unknownPull   = Badge{Label, "unknown pull request", Grey}
	unavailable   = Badge{Label, "not available now", Grey}
)

// levelColors are the colours of a run that passed, by level.
var levelColors = [run.MaxLevel + 1]Color{Orange, Orange, Yellow, YellowGreen, Green, BrightGreen}

// Of says what the badge of a run is.
func Of(r run.Report) Badge {
	b := Badge{Label: Label, Color: Grey}
	switch r.Verdict() {
	case run.VerdictPending:
		b.Message, b.Color = string(r.State), Blue
		if r.State == "" {
			return untested
		}
	case run.VerdictFail:
		b.Message, b.Color = "failing", Red
	case run.VerdictPass:
		if r.Request.Only != "" {
			b.Message = "only " + string(r.Request.Only) + " tested"
			return b
		}
		level := r.Level()
		b.Message, b.Color = fmt.Sprintf("level %d/%d", level, run.MaxLevel), levelColors[level]
	default:
		b.Message = "unverified"
		if r.Ending == run.EndCancelled || r.Ending == run.EndSuperseded {
			b.Message = string(r.Ending)
		}
	}
	return b
}

// fades is how old a result is that no longer says how a recipe stands today: the images,
// packages and services that it needs have moved on.
const fades = 30 * 24 * time.Hour

// old is a badge that says by how many commits its result is not the tip's (-1 for very
// many), and how long ago it was found out, where that matters. It is green no longer:
// nobody has tried what is there now.
func (b Badge) old(behind int, age time.Duration) Badge {
	var why []string
	switch {
	case behind == 1:
		why = append(why, "1 commit ago")
	case behind > 1:
		why = append(why, fmt.Sprintf("%d commits ago", behind))
	case behind < 0:
		why = append(why, "many commits ago")
	}
	if age >= fades {
		why = append(why, fmt.Sprintf("%d days old", int(age.Hours()/24)))
	}
	if len(why) > 0 {
		b.Message = strings.Join(append([]string{strings.TrimPrefix(b.Message, "level ")}, why...), " · ")
		b.Color = Grey
	}
	return b
}
