package schedule

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/robfig/cron/v3"

	"seatrial/recipes"
)

// Night is when runs begin that nobody asked for: two times of a day, as durations since
// midnight.
type Night struct{ From, To time.Duration }

// DefaultNight is when machines are free and people asleep.
var DefaultNight = Night{time.Hour, 5 * time.Hour}

// Check says what is wrong with a night.
func (n Night) Check() error {
	const day = 24 * time.Hour
	if n.From < 0 || n.To > day || n.To-n.From < time.Minute {
		return fmt.Errorf("the night from %s to %s is none: it begins and ends on the same day, such as 1h to 5h after midnight", n.From, n.To)
	}
	return nil
}

// planOf reads a recipe's schedule; nil for one that has none. The time within the night
// follows from the name, so that recipes are spread and each keeps its time.
func planOf(name, text, byDefault string, night Night, loc *time.Location) (cron.Schedule, error) {
	switch text = cmp.Or(text, byDefault, recipes.ScheduleOff); text {
	case recipes.ScheduleOff:
		return nil, nil
	case recipes.ScheduleNightly, recipes.ScheduleWeekly:
		h := fnv.New32a()
		h.Write([]byte(name))
		spread := h.Sum32()
		minutes := uint32((night.To - night.From) / time.Minute)
		p := nightly{at: night.From.Truncate(time.Minute) + time.Duration(spread%minutes)*time.Minute, loc: loc}
		if text == recipes.ScheduleWeekly {
			p.weekly, p.day = true, time.Weekday(spread/minutes%7)
		}
		return p, nil
	}
	s, err := recipes.ParseCron(text)
	if spec, ok := s.(*cron.SpecSchedule); ok && spec.Location == time.Local {
		spec.Location = loc
	}
	return s, err
}

// nightly is one time of each day, or of one day of each week. A night that lacks the
// time, because clocks are put forward, has it an hour off; one that has it twice has one.
type nightly struct {
	at     time.Duration // since midnight, as a clock on the wall shows it
	weekly bool
	day    time.Weekday
	loc    *time.Location
}

// Next implements cron.Schedule.
func (n nightly) Next(after time.Time) time.Time {
	after = after.In(n.loc)
	hour, minute := int(n.at/time.Hour), int(n.at%time.Hour/time.Minute)
	for day := 0; ; day++ {
		next := time.Date(after.Year(), after.Month(), after.Day()+day, hour, minute, 0, 0, n.loc)
		if next.After(after) && (!n.weekly || weekdayOf(after, day) == n.day) {
			return next
		}
	}
}

// weekdayOf is the day of the week so many days later, whatever clocks do.
func weekdayOf(t time.Time, days int) time.Weekday {
	return time.Date(t.Year(), t.Month(), t.Day()+days, 12, 0, 0, 0, time.UTC).Weekday()
}

// latestTime is the last planned time after one and not after another; ok is false where
// there is none. Of times that a clock on the wall shows twice, the first one counts.
func latestTime(s cron.Schedule, after, now time.Time) (at time.Time, ok bool) {
	const long = 48 * time.Hour
	if now.Sub(after) > long { // most of what was missed is of no interest
		if at, ok := latestTime(s, now.Add(-long), now); ok {
			return at, true
		}
	}
	for next := s.Next(after); !next.IsZero() && !next.After(now); next = s.Next(next) {
		if next.Format(time.DateTime) != after.In(next.Location()).Format(time.DateTime) {
			at, ok = next, true
		}
		after = next
	}
	return at, ok
}
