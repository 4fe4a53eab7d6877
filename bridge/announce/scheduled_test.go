package announce_test

import (
	"strings"
	"testing"

	"seatrial/bridge/announce"
	"seatrial/harness/run"
)

// onMain makes a run one of the default branch, as the schedule asks for them.
func (s *story) onMain() *story {
	r := request()
	r.Via, r.AskedBy = run.ViaSchedule, run.Person{Login: "schedule"}
	r.Code.Pull, r.Code.Ref, r.Code.Base, r.Code.Link = 0, "refs/heads/main", "", "https://forge.example.test/coop/guestbook/src/branch/main"
	s.events[0] = s.events[0].With(r)
	return s
}

var scheduled = map[string]func(*testing.T) (now, before *run.Report){
	"scheduled-fails-at-first": func(t *testing.T) (now, before *run.Report) { return of(t, "fail-install"), nil },
	"scheduled-fails":          func(t *testing.T) (now, before *run.Report) { return of(t, "fail-upgrade"), of(t, "pass-level-5") },
	"scheduled-passes-again":   func(t *testing.T) (now, before *run.Report) { return of(t, "pass-level-5"), of(t, "fail-upgrade") },
	"scheduled-level-drops": func(t *testing.T) (now, before *run.Report) {
		return of(t, "pass-level-3-no-checks"), of(t, "pass-level-5")
	},
}

func of(t *testing.T, name string) *run.Report {
	r := goldens[name](tell(t).onMain()).report()
	return &r
}

func TestTheIssueAboutADefaultBranch(t *testing.T) {
	for name, reports := range scheduled {
		t.Run(name, func(t *testing.T) {
			now, before := reports(t)
			title, body := announce.RenderScheduled(*now, before, ctx)
			golden(t, name, "# "+title+"\n\n"+body)
			wellFormed(t, body, announce.ScheduleMarker("guestbook"))
			if strings.ContainsAny(title, "\n<>") {
				t.Errorf("the title is %q", title)
			}
		})
	}
}
