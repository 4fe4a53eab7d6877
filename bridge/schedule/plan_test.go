package schedule

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"seatrial/recipes"
)

type enrolment = recipes.Enrolment

func vienna(t testing.TB) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Skip("this machine knows no time zones")
	}
	return loc
}

func TestRecipesAreSpreadOverTheNight(t *testing.T) {
	var minutes []int
	days := map[time.Weekday]int{}
	for i := range 500 {
		name := fmt.Sprintf("recipe-%d", i)
		p, err := planOf(name, "nightly", "", DefaultNight, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		at := p.Next(time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC))
		minutes = append(minutes, at.Hour()*60+at.Minute())
		w, err := planOf(name, "weekly", "", DefaultNight, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		days[w.Next(time.Now()).Weekday()]++
	}
	slices.Sort(minutes)
	if minutes[0] < 60 || minutes[499] >= 300 || minutes[125] > 140 || minutes[375] < 220 {
		t.Errorf("quartiles at minutes %d, %d, %d, %d, %d", minutes[0], minutes[125], minutes[250], minutes[375], minutes[499])
	}
	if len(days) != 7 {
		t.Errorf("days of the week: %v", days)
	}
}

// Clocks go forward at 2:00 on 2026-03-29 and back at 3:00 on 2026-10-25.
func TestEachNightIsOneNightWhateverClocksDo(t *testing.T) {
	loc := vienna(t)
	for _, month := range []time.Month{time.March, time.October} {
		from := time.Date(2026, month, 20, 12, 0, 0, 0, loc)
		end := from.AddDate(0, 0, 12) // is the last of them, as from is none
		for minute := range 24 * 60 {
			n := nightly{at: time.Duration(minute) * time.Minute, loc: loc}
			seen := map[string]bool{}
			for next := n.Next(from); !next.After(end); next = n.Next(next) {
				date := next.Format(time.DateOnly)
				if seen[date] {
					t.Fatalf("minute %d of the day: %s has two", minute, date)
				}
				seen[date] = true
			}
			if len(seen) != 12 {
				t.Errorf("minute %d of the day: 12 days have %d: %v", minute, len(seen), seen)
			}
		}
	}
}

func TestAnHourThatComesTwiceCountsOnce(t *testing.T) {
	loc := vienna(t)
	p, err := planOf("guestbook", "30 2 * * *", "", DefaultNight, loc)
	if err != nil {
		t.Fatal(err)
	}
	last := time.Date(2026, 10, 24, 12, 0, 0, 0, loc)
	n, end := 0, last.Add(36*time.Hour)
	for now := last; now.Before(end); now = now.Add(time.Minute) {
		if at, ok := latestTime(p, last, now); ok {
			last = at
			n++
		}
	}
	if n != 1 {
		t.Errorf("half past two was %d times", n)
	}
}

func TestTheLatestPlannedTimeIsFoundSoon(t *testing.T) {
	p, err := planOf("guestbook", "* * * * *", "", DefaultNight, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 21, 12, 0, 30, 0, time.UTC)
	at, ok := latestTime(p, now.AddDate(-20, 0, 0), now)
	if want := now.Truncate(time.Minute); !ok || !at.Equal(want) {
		t.Errorf("got %s, %v; want %s", at, ok, want)
	}
	yearly, err := planOf("guestbook", "0 0 1 1 *", "", DefaultNight, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	if at, ok := latestTime(yearly, now.AddDate(-3, 0, 0), now); !ok || at.Format(time.DateOnly) != "2026-01-01" {
		t.Errorf("got %s, %v", at, ok)
	}
	if at, ok := latestTime(yearly, now.AddDate(0, -1, 0), now); ok {
		t.Errorf("got %s", at)
	}
}
