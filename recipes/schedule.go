package recipes

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// What an enrolment's schedule may be besides a cron expression.
const (
	ScheduleNightly = "nightly"
	ScheduleWeekly  = "weekly"
	ScheduleOff     = "off"
)

// ParseCron reads a cron expression: minute, hour, day of the month, month, day of the
// week; or one of @hourly, @daily, @weekly, @monthly and @yearly. CRON_TZ=Europe/Vienna
// in front names a time zone. @every is none, because its times follow from when the
// server was started.
func ParseCron(expression string) (cron.Schedule, error) {
	if strings.Contains(expression, "@every") {
		return nil, fmt.Errorf("%q has no times of its own: write for example 30 3 * * * for half past three each night", expression)
	}
	if strings.Contains(expression, "TZ=") && !strings.Contains(expression, " ") { // the library has no answer to that
		return nil, fmt.Errorf("%q names a time zone and no times: write for example CRON_TZ=Europe/Vienna 30 3 * * *", expression)
	}
	s, err := cron.ParseStandard(expression)
	if err != nil {
		return nil, fmt.Errorf("%q is not nightly, weekly, off or a cron expression such as 30 3 * * *: %w", expression, err)
	}
	if s.Next(time.Now()).IsZero() {
		return nil, fmt.Errorf("%q never comes: there is no such day", expression)
	}
	return s, nil
}

// ScheduleProblem says what is wrong with a schedule; nil for a good one, and for none.
func ScheduleProblem(schedule string) error {
	switch schedule {
	case "", ScheduleNightly, ScheduleWeekly, ScheduleOff:
		return nil
	}
	_, err := ParseCron(schedule)
	return err
}
