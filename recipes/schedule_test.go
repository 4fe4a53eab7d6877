package recipes

import "testing"

func FuzzParseCron(f *testing.F) {
	for _, seed := range []string{"30 3 * * *", "@weekly", "CRON_TZ=Europe/Vienna 0 4 * * 1-5", "TZ=", "CRON_TZ=UTC", "*/0 * * * *", "1-0 * * * *", "@every 1h", "0 0 30 2 *"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		s, err := ParseCron(expression)
		if (s == nil) == (err == nil) {
			t.Errorf("%q gives %v, %v", expression, s, err)
		}
	})
}
