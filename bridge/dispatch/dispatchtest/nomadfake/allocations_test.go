package nomadfake_test

import (
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/nomad/api"
)

// steps are the kinds of a task's events.
func steps(t *api.TaskState) (kinds []string) {
	for _, e := range t.Events {
		kinds = append(kinds, e.Type)
	}
	return kinds
}

func (s *scene) wantSteps(t *api.TaskState, want ...string) {
	s.Helper()
	if diff := cmp.Diff(want, steps(t)); diff != "" {
		s.Error(diff)
	}
}

// ended is the event that says how a task ended.
func (s *scene) ended(t *api.TaskState) *api.TaskEvent {
	s.Helper()
	for _, e := range t.Events {
		if e.Type == api.TaskTerminated {
			return e
		}
	}
	s.Fatalf("it did not end: %v", steps(t))
	return nil
}

// waits waits until the child's executor is up.
func (s *scene) waits(child string) *api.Allocation {
	s.Helper()
	a := s.allocation(child)
	s.eventually("it waits", func() bool {
		_, _, err := s.AllocFS().Stat(a, "alloc/waits", nil)
		return err == nil
	})
	return a
}

func (s *scene) stop(a *api.Allocation) {
	s.Helper()
	if _, err := s.Allocations().Stop(a, &api.QueryOptions{Params: map[string]string{"reschedule": "true"}}); err != nil {
		s.Fatal(err)
	}
}

// onPier dispatches a job that does that to the pier, and waits until it is heard to run.
func (s *scene) onPier(does string, lostAfter time.Duration) (child string, a *api.Allocation) {
	s.Helper()
	j := s.jobThat(does)
	j.Constraints = []*api.Constraint{api.NewConstraint("${meta.pier}", "=", "yes")}
	j.TaskGroups[0].Disconnect = &api.DisconnectStrategy{LostAfter: &lostAfter, Replace: ptr(false), Reconcile: ptr("keep_original")}
	s.register(j)
	child = s.again("", "")
	a = s.waits(child)
	s.eventually("it is heard to run", func() bool { return s.allocation(child).ClientStatus == "running" })
	return child, a
}

func allocationClauses() []clause {
	return []clause{
		{"a task that ends well is dead and complete, and its teardown has run", func(s *scene) {
			a := s.over(s.dispatch("says hello"))
			executor, teardown := a.TaskStates["executor"], a.TaskStates["teardown"]
			if a.ClientStatus != "complete" || a.ClientDescription != "All tasks have completed" || a.DesiredStatus != "run" || executor.Failed {
				s.Errorf("%s: %s, to %s", a.ClientStatus, a.ClientDescription, a.DesiredStatus)
			}
			s.wantSteps(executor, "Received", "Task Setup", "Started", "Terminated")
			s.wantSteps(teardown, "Received", "Task Setup", "Started", "Terminated")
			if e := s.ended(executor); e.DisplayMessage != "Exit Code: 0" || e.Details["exit_code"] != "0" || e.Details["signal"] != "0" || e.Details["oom_killed"] != "false" {
				s.Errorf("%s, %v", e.DisplayMessage, e.Details)
			}
			if executor.StartedAt.IsZero() || executor.FinishedAt.Before(executor.StartedAt) || teardown.StartedAt.Before(executor.FinishedAt) {
				s.Errorf("executor from %s to %s, teardown from %s", executor.StartedAt, executor.FinishedAt, teardown.StartedAt)
			}
		}},
		{"a task that ends with a code has failed, and its teardown has run", func(s *scene) {
			a := s.over(s.dispatch("fails"))
			executor := a.TaskStates["executor"]
			if a.ClientStatus != "failed" || a.ClientDescription != "Failed tasks" || !executor.Failed {
				s.Errorf("%s: %s", a.ClientStatus, a.ClientDescription)
			}
			s.wantSteps(executor, "Received", "Task Setup", "Started", "Terminated", "Not Restarting")
			if e := s.ended(executor); e.DisplayMessage != "Exit Code: 3" || e.Details["exit_code"] != "3" {
				s.Errorf("%s, %v", e.DisplayMessage, e.Details)
			}
			if last := executor.Events[4]; last.DisplayMessage != "Policy allows no restarts" || last.Details["fails_task"] != "true" {
				s.Errorf("%s, %v", last.DisplayMessage, last.Details)
			}
			s.wantSteps(a.TaskStates["teardown"], "Received", "Task Setup", "Started", "Terminated")
		}},
		{"a task that is killed says by which signal", func(s *scene) {
			a := s.over(s.dispatch("dies"))
			if e := s.ended(a.TaskStates["executor"]); e.DisplayMessage != "Exit Code: 137, Signal: 9" || e.Details["exit_code"] != "137" || e.Details["signal"] != "9" || e.ExitCode != 137 || e.Signal != 9 {
				s.Errorf("%s, %v", e.DisplayMessage, e.Details)
			}
		}},
		{"a poststop task runs after a stop, and the stopped task has not failed", func(s *scene) {
			child := s.dispatch("waits")
			s.stop(s.waits(child))
			a := s.over(child)
			if a.ClientStatus != "complete" || a.DesiredStatus != "stop" || a.DesiredDescription != "alloc is being migrated" {
				s.Errorf("%s, to %s: %s", a.ClientStatus, a.DesiredStatus, a.DesiredDescription)
			}
			s.wantSteps(a.TaskStates["executor"], "Received", "Task Setup", "Started", "Killing", "Terminated", "Killed")
			if killing := a.TaskStates["executor"].Events[3]; killing.DisplayMessage != "Sent interrupt. Waiting 1s before force killing" || killing.Details["kill_timeout"] != "1s" {
				s.Errorf("%s, %v", killing.DisplayMessage, killing.Details)
			}
			if e := s.ended(a.TaskStates["teardown"]); e.Details["exit_code"] != "0" {
				s.Errorf("its teardown: %v", e.Details)
			}
			s.eventually("its job is dead, and not stopped", func() bool {
				j, _, err := s.Jobs().Info(child, nil)
				return err == nil && *j.Status == "dead" && !*j.Stop
			})
			evals, _, err := s.Jobs().Evaluations(child, nil)
			triggers := map[string]bool{}
			for _, e := range evals {
				triggers[e.TriggeredBy] = true
			}
			if err != nil || !triggers["alloc-stop"] || !triggers["job-register"] {
				s.Errorf("triggers %v, %v", triggers, err)
			}
			if list, _, err := s.Jobs().Allocations(child, true, nil); err != nil || len(list) != 1 {
				s.Errorf("%d allocations, %v", len(list), err)
			}
		}},
		{"a task that ignores being asked is killed, and torn down", func(s *scene) {
			child := s.dispatch("ignores")
			s.stop(s.waits(child))
			a := s.over(child)
			if e := s.ended(a.TaskStates["executor"]); e.Details["signal"] != "9" {
				s.Errorf("%v", e.Details)
			}
			s.ended(a.TaskStates["teardown"])
		}},
		{"a program that is not there fails its task", func(s *scene) {
			j := s.jobThat("nothing")
			j.TaskGroups[0].Tasks[0].SetConfig("command", "/nowhere/to/be/found")
			s.register(j)
			a := s.over(s.again("", ""))
			executor := a.TaskStates["executor"]
			if a.ClientStatus != "failed" || !executor.StartedAt.IsZero() || !strings.Contains(strings.Join(steps(executor), ","), "Driver Failure") {
				s.Errorf("%s, started %s, %v", a.ClientStatus, executor.StartedAt, steps(executor))
			}
		}},
		{"a task finds in its environment what Nomad tells it", func(s *scene) {
			names := []string{
				"NOMAD_JOB_PARENT_ID", "NOMAD_NAMESPACE", "NOMAD_TASK_NAME", "NOMAD_GROUP_NAME", "NOMAD_META_WHO", "NOMAD_META_WHY", "NOMAD_ADDR_gateway",
				"NOMAD_IP_gateway", "NODE_NAME", "PORT_ALIAS", "UNKNOWN_ALIAS", "NOMAD_SHORT_ALLOC_ID", "NOMAD_MEMORY_LIMIT", "NOMAD_DC", "NOMAD_REGION",
			}
			j := s.jobThat("tells " + strings.Join(names, ","))
			j.TaskGroups[0].Networks = []*api.NetworkResource{{DynamicPorts: []api.Port{{Label: "gateway"}}}}
			env := j.TaskGroups[0].Tasks[0].Env
			env["NODE_NAME"], env["PORT_ALIAS"], env["UNKNOWN_ALIAS"] = "${node.unique.name}", "${NOMAD_PORT_gateway}", "${nothing.like.it}"
			j.TaskGroups[0].Tasks = j.TaskGroups[0].Tasks[:1]
			s.register(j)
			a := s.over(s.again("", ""))
			got := map[string]string{}
			for line := range strings.SplitSeq(s.read(a, "alloc/note.txt"), "\n") {
				name, v, _ := strings.Cut(line, "=")
				got[name] = v
			}
			port := strings.TrimSuffix(got["PORT_ALIAS"], " true")
			want := map[string]string{
				"NOMAD_JOB_PARENT_ID": s.name, "NOMAD_NAMESPACE": namespace, "NOMAD_TASK_NAME": "executor", "NOMAD_GROUP_NAME": "runner", "NOMAD_META_WHO": "me",
				"NOMAD_ADDR_gateway": "127.0.0.1:" + port, "NOMAD_IP_gateway": "127.0.0.1", "NODE_NAME": a.NodeName, "PORT_ALIAS": port, "UNKNOWN_ALIAS": "${nothing.like.it}",
				"NOMAD_SHORT_ALLOC_ID": a.ID[:8], "NOMAD_MEMORY_LIMIT": "32", "NOMAD_DC": "dc1", "NOMAD_REGION": "global",
			}
			for name, v := range want {
				want[name] = v + " true"
			}
			want["NOMAD_META_WHY"] = " true" // optional meta that was not given is empty
			if diff := cmp.Diff(want, got); diff != "" {
				s.Error(diff)
			}
		}},
		{"allocations are listed by what a filter says", func(s *scene) {
			a := s.over(s.dispatch("nothing"))
			for filter, want := range map[string]int{
				`NodeID == "` + a.NodeID + `" and ClientStatus == "complete" and JobID matches "^` + s.name + `(/|$)"`: 1,
				`ClientStatus == "lost" and JobID contains "` + s.name + `"`:                                           0,
			} {
				list, _, err := s.Allocations().List(&api.QueryOptions{Filter: filter})
				if err != nil || len(list) != want {
					s.Errorf("%s: %d, %v", filter, len(list), err)
				}
			}
		}},
		{"an allocation that there is none of is not found", func(s *scene) {
			_, _, err := s.Allocations().Info("11111111-2222-3333-4444-555555555555", nil)
			s.refused(err, 404, "alloc not found")
			_, err = s.Allocations().Stop(&api.Allocation{ID: "11111111-2222-3333-4444-555555555555"}, &api.QueryOptions{Params: map[string]string{"reschedule": "true"}})
			s.refused(err, 404, "")
		}},
		{"an allocation says what it was given, and which job it is of", func(s *scene) {
			a := s.over(s.dispatch("nothing"))
			if given := a.AllocatedResources.Tasks["executor"]; given == nil || given.Memory.MemoryMB != 32 || a.Job == nil || *a.Job.ParentID != s.name || a.Namespace != namespace {
				s.Errorf("%+v", a)
			}
			if time.Since(time.Unix(0, a.CreateTime)) > time.Minute || a.ModifyIndex <= a.CreateIndex {
				s.Errorf("made at %d, index %d to %d", a.CreateTime, a.CreateIndex, a.ModifyIndex)
			}
		}},
	}
}

// nodeClauses change what all have in common: garbage and nodes.
func nodeClauses() []clause {
	return []clause{
		{"garbage that is collected takes job and allocation with it", func(s *scene) {
			child := s.dispatch("nothing")
			a := s.over(child)
			s.eventually("it is forgotten", func() bool {
				if err := s.System().GarbageCollect(); err != nil {
					s.Fatal(err)
				}
				_, _, err := s.Jobs().Info(child, nil)
				return err != nil
			})
			_, _, err := s.Allocations().Info(a.ID, nil)
			s.refused(err, 404, "alloc not found")
			s.eventually("a file of an allocation that is gone is not found", func() bool {
				_, err := s.Raw().Response("/v1/client/fs/ls/"+a.ID+"?path=alloc", nil)
				answer, ok := err.(api.UnexpectedResponseError)
				return ok && answer.StatusCode() == 404 && strings.Contains(answer.Body(), "Unknown allocation")
			})
			if _, _, err := s.Jobs().Info(s.name, nil); err != nil {
				s.Errorf("its parent is gone, too: %v", err)
			}
		}},
		{"a drain asks what runs to end, and its evaluations say so", func(s *scene) {
			child := s.dispatch("waits")
			node := s.waits(child).NodeID
			drain := func(spec *api.DrainSpec, eligible bool) {
				s.Helper()
				if _, err := s.Nodes().UpdateDrain(node, spec, eligible, nil); err != nil {
					s.Fatal(err)
				}
			}
			drain(&api.DrainSpec{Deadline: -1}, false)
			over := false
			s.Cleanup(func() {
				if !over {
					drain(nil, true)
				}
			})
			a := s.over(child)
			if a.ClientStatus != "complete" || a.DesiredStatus != "stop" || a.DesiredDescription != "alloc is being migrated" {
				s.Errorf("%s, to %s: %s", a.ClientStatus, a.DesiredStatus, a.DesiredDescription)
			}
			evals, _, err := s.Jobs().Evaluations(child, nil)
			triggers := map[string]bool{}
			for _, e := range evals {
				triggers[e.TriggeredBy] = true
			}
			if err != nil || !triggers["node-drain"] {
				s.Errorf("triggers %v, %v", triggers, err)
			}
			if n, _, err := s.Nodes().Info(node, nil); err != nil || n.SchedulingEligibility != "ineligible" {
				s.Errorf("the node: %v, %v", n, err)
			}
			drain(nil, true)
			over = true
			s.stop(s.waits(s.again("", "")))
			if list, _, err := s.Jobs().Allocations(child, true, nil); err != nil || len(list) != 1 {
				s.Errorf("it was placed again: %d allocations, %v", len(list), err)
			}
		}},
		{"an allocation whose node is away is unknown, then lost, and placed again where there is room", func(s *scene) {
			pier := s.pier(s.T)
			child, a := s.onPier("waits", 3*time.Second)
			pier.lose()
			var seen []string
			s.eventually("it is lost", func() bool {
				a := s.allocation(child)
				said := a.ClientStatus + ", to " + a.DesiredStatus
				if a.ClientStatus != "running" && (len(seen) == 0 || seen[len(seen)-1] != said) {
					seen = append(seen, said)
				}
				return a.ClientStatus == "lost"
			})
			if diff := cmp.Diff([]string{"unknown, to run", "lost, to stop"}, seen); diff != "" {
				s.Error(diff)
			}
			if a := s.allocation(child); a.DesiredDescription != "alloc is lost since its node is down" || a.TaskStates["executor"].State != "running" {
				s.Errorf("%s; its executor is %s", a.DesiredDescription, a.TaskStates["executor"].State)
			}
			if n, _, err := s.Nodes().Info(a.NodeID, nil); err != nil || n.Status != "disconnected" {
				s.Errorf("its node: %v, %v", n, err)
			}
			for _, verb := range []string{"ls", "stream"} {
				_, err := s.ask(verb, a, "path", "alloc/waits")
				s.refused(err, 404, "No path to node")
			}
			s.eventually("its job waits for another node", func() bool {
				j, _, err := s.Jobs().Info(child, nil)
				if err != nil {
					s.Fatal(err)
				}
				evals, _, err := s.Jobs().Evaluations(child, nil)
				return err == nil && *j.Status == "pending" && slices.ContainsFunc(evals, func(e *api.Evaluation) bool { return e.Status == "blocked" })
			})
		}},
		{"an allocation whose node comes back runs on; one that was stopped meanwhile ends, and another one is placed for it", func(s *scene) {
			pier := s.pier(s.T)
			child, a := s.onPier("waits", time.Hour)
			// is waits until the allocations stand so, the newest first.
			is := func(want ...string) {
				s.Helper()
				s.eventually("they are "+strings.Join(want, "; "), func() bool {
					list, _, err := s.Jobs().Allocations(child, true, nil)
					var got []string
					for _, a := range list {
						got = append(got, a.ClientStatus+", to "+a.DesiredStatus)
					}
					return err == nil && slices.Equal(got, want)
				})
			}
			pier.leave()
			is("unknown, to run")
			pier.back()
			is("running, to run")
			if a := s.allocation(child); !slices.Contains(steps(a.TaskStates["executor"]), "Reconnected") {
				s.Errorf("its executor: %v", steps(a.TaskStates["executor"]))
			}
			pier.leave()
			is("unknown, to run")
			s.stop(a)
			is("unknown, to run")
			pier.back()
			is("running, to run", "complete, to stop")
		}},
	}
}
