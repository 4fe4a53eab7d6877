package nomadfake_test

import (
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"
)

func jobClauses() []clause {
	dispatchWith := func(s *scene, meta map[string]string, payload []byte) error {
		_, _, err := s.Jobs().Dispatch(s.name, meta, payload, "", nil)
		return err
	}
	return []clause{
		{"a child's ID has the parent, the prefix, a time and eight digits in it", func(s *scene) {
			s.register(s.jobThat("nothing"))
			form := regexp.MustCompile("^" + s.name + `/dispatch-one-1-\d{10}-[0-9a-f]{8}$`)
			if child := s.again("", "one-1"); !form.MatchString(child) {
				s.Errorf("got %s", child)
			}
			if child := s.again("", ""); !regexp.MustCompile("^" + s.name + `/dispatch-\d{10}-[0-9a-f]{8}$`).MatchString(child) {
				s.Errorf("without a prefix: %s", child)
			}
		}},
		{"the same token dispatched twice gives the same child", func(s *scene) {
			s.register(s.jobThat("nothing"))
			if one, two := s.again("t/1", ""), s.again("t/1", ""); one != two {
				s.Errorf("%s and %s", one, two)
			}
			if one, two := s.again("t/1", ""), s.again("t/2", ""); one == two {
				s.Errorf("another token gives %s, too", one)
			}
		}},
		{"undeclared meta is refused", func(s *scene) {
			s.register(s.jobThat("nothing"))
			s.refused(dispatchWith(s, map[string]string{"WHO": "me", "HOW": "so"}, nil), 500, "Dispatch request included unpermitted metadata keys: [HOW]")
		}},
		{"missing meta is refused", func(s *scene) {
			s.register(s.jobThat("nothing"))
			s.refused(dispatchWith(s, map[string]string{"WHY": ""}, nil), 500, "Dispatch did not provide required meta keys: [WHO]")
		}},
		{"a payload is refused where none is wanted, wanted where it is required, and at most 16 KiB long", func(s *scene) {
			j := s.jobThat("nothing")
			s.register(j)
			who := map[string]string{"WHO": "me"}
			s.refused(dispatchWith(s, who, make([]byte, 16<<10+1)), 500, "Payload exceeds maximum size; 16385 > 16384")
			j.ParameterizedJob.Payload = "forbidden"
			s.register(j)
			s.refused(dispatchWith(s, who, []byte("x")), 500, "Payload provided but forbidden by parameterized job")
			j.ParameterizedJob.Payload = "required"
			s.register(j)
			s.refused(dispatchWith(s, who, nil), 500, "Payload is not provided but required by parameterized job")
		}},
		{"what is not there, is stopped, or is no template is not dispatched", func(s *scene) {
			s.refused(dispatchWith(s, nil, nil), 500, "parameterized job not found")
			j := s.jobThat("nothing")
			s.register(j)
			child := s.again("", "")
			if _, _, err := s.Jobs().Deregister(s.name, false, nil); err != nil {
				s.Fatal(err)
			}
			s.refused(dispatchWith(s, map[string]string{"WHO": "me"}, nil), 500, `is stopped`)
			_, _, err := s.Jobs().Dispatch(child, nil, nil, "", nil)
			s.refused(err, 500, "is not a parameterized job")
		}},
		{"a child knows its parent, its meta and when it was made", func(s *scene) {
			child := s.dispatch("nothing")
			j, meta, err := s.Jobs().Info(child, nil)
			if err != nil {
				s.Fatal(err)
			}
			if *j.ParentID != s.name || !j.Dispatched || j.Meta["WHO"] != "me" || j.ParameterizedJob == nil || meta.LastIndex == 0 || time.Since(time.Unix(0, *j.SubmitTime)) > time.Minute {
				s.Errorf("got %+v, index %d", j, meta.LastIndex)
			}
		}},
		{"an unknown job is not found, and has neither allocations nor evaluations", func(s *scene) {
			_, _, err := s.Jobs().Info(s.name, nil)
			s.refused(err, 404, "job not found")
			allocs, _, err := s.Jobs().Allocations(s.name, true, nil)
			if err != nil || len(allocs) != 0 {
				s.Errorf("%v, %v", allocs, err)
			}
			evals, _, err := s.Jobs().Evaluations(s.name, nil)
			if err != nil || len(evals) != 0 {
				s.Errorf("%v, %v", evals, err)
			}
		}},
		{"lists are narrowed by prefix and filter", func(s *scene) {
			child := s.dispatch("nothing")
			s.over(child)
			for _, c := range []struct {
				prefix, filter string
				want           int
			}{
				{s.name, "", 2},
				{child, "", 1},
				{"", `ID contains "` + s.name + `/dispatch-"`, 1},
				{s.name, `Status != "dead"`, 1},
				{s.name, `ID contains "/dispatch-" and Status != "dead"`, 0},
				{s.name, `ID matches "^job-[0-9]+$"`, 1},
			} {
				var jobs []*api.JobListStub
				var err error
				s.eventually("the list is settled", func() bool {
					jobs, _, err = s.Jobs().List(&api.QueryOptions{Prefix: c.prefix, Filter: c.filter})
					return err != nil || len(jobs) == c.want
				})
				if err != nil {
					s.Errorf("%v: %v", c, err)
				}
				for _, j := range jobs {
					if j.Meta != nil {
						s.Errorf("%v: meta was not asked for: %v", c, j.Meta)
					}
				}
			}
			jobs, _, err := s.Jobs().ListOptions(&api.JobListOptions{Fields: &api.JobListFields{Meta: true}}, &api.QueryOptions{Prefix: child})
			if err != nil || len(jobs) != 1 || jobs[0].Meta["WHO"] != "me" || jobs[0].ParentID != s.name || jobs[0].ParameterizedJob {
				s.Errorf("%+v, %v", jobs, err)
			}
			jobs, _, err = s.Jobs().List(&api.QueryOptions{Namespace: "*", Prefix: child})
			if err != nil || len(jobs) != 1 || jobs[0].Namespace != namespace {
				s.Errorf("in every namespace: %+v, %v", jobs, err)
			}
		}},
		{"a filter that makes no sense is refused", func(s *scene) {
			_, _, err := s.Jobs().List(&api.QueryOptions{Filter: "ID holds water"})
			s.refused(err, 400, "filter")
		}},
		{"a job that is stopped is dead and still there, one that is purged is not", func(s *scene) {
			child := s.dispatch("waits")
			s.allocation(child)
			if _, _, err := s.Jobs().Deregister(child, false, nil); err != nil {
				s.Fatal(err)
			}
			s.eventually("it is dead", func() bool {
				j, _, err := s.Jobs().Info(child, nil)
				return err == nil && *j.Stop && *j.Status == "dead"
			})
			if a := s.over(child); a.DesiredStatus != "stop" || a.DesiredDescription != "alloc not needed due to job update" {
				s.Errorf("its allocation is to %s: %s", a.DesiredStatus, a.DesiredDescription)
			}
			if _, _, err := s.Jobs().Deregister(child, true, nil); err != nil {
				s.Fatal(err)
			}
			_, _, err := s.Jobs().Info(child, nil)
			s.refused(err, 404, "job not found")
			if _, _, err := s.Jobs().Deregister(child, true, nil); err != nil {
				s.Errorf("stopping what is not there: %v", err)
			}
		}},
		{"a child that finds no node waits with a reason, and is stopped for good", func(s *scene) {
			j := s.jobThat("nothing")
			j.Constraints = []*api.Constraint{api.NewConstraint("${meta.moon}", "=", "full")}
			s.register(j)
			child := s.again("", "")
			var failed *api.Evaluation
			s.eventually("an evaluation says so", func() bool {
				evals, _, err := s.Jobs().Evaluations(child, nil)
				if err != nil {
					s.Fatal(err)
				}
				for _, e := range evals {
					if len(e.FailedTGAllocs) > 0 && e.TriggeredBy == "job-register" && e.Status == "complete" {
						failed = e
					}
				}
				return failed != nil
			})
			m := failed.FailedTGAllocs["runner"]
			if m == nil || m.ConstraintFiltered["${meta.moon} = full"] != 1 || m.NodesEvaluated != 1 || m.NodesInPool != 1 || failed.BlockedEval == "" {
				s.Errorf("got %+v, blocked %q", m, failed.BlockedEval)
			}
			if got, _, err := s.Jobs().Info(child, nil); err != nil || *got.Status != "pending" {
				s.Errorf("it is %v, %v", got, err)
			}
			if _, _, err := s.Jobs().Deregister(child, false, nil); err != nil {
				s.Fatal(err)
			}
			s.eventually("it is dead", func() bool {
				j, _, err := s.Jobs().Info(child, nil)
				return err == nil && *j.Status == "dead"
			})
		}},
		{"a job in a namespace that does not exist is refused", func(s *scene) {
			_, _, err := s.Jobs().Register(s.jobThat("nothing"), &api.WriteOptions{Namespace: "atlantis"})
			if err == nil || !strings.Contains(err.Error(), "nonexistent namespace") {
				s.Errorf("got %v", err)
			}
		}},
	}
}
