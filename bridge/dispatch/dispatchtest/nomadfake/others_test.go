package nomadfake_test

import (
	"context"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"seatrial/harness/cluster"

	"encoding/json"

	"github.com/hashicorp/nomad/api"
)

// hear opens the event stream; the function gives the next event that is one.
func (s *scene) hear(token string, params url.Values) func() (index uint64, topic, kind string, keys []string) {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	s.Cleanup(cancel)
	body, err := s.client(s.T, token).Raw().Response("/v1/event/stream?"+params.Encode(), (&api.QueryOptions{}).WithContext(ctx))
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { body.Close() })
	type news struct {
		Index  uint64
		Events []struct {
			Topic, Type, Key string
			FilterKeys       []string
			Payload          map[string]json.RawMessage
		}
	}
	stream := json.NewDecoder(body)
	var beat, waiting news
	if err := stream.Decode(&beat); err != nil || len(beat.Events) != 0 {
		s.Fatalf("it does not begin with a heartbeat: %v, %v", beat, err)
	}
	return func() (uint64, string, string, []string) {
		for len(waiting.Events) == 0 {
			waiting = news{}
			if err := stream.Decode(&waiting); err != nil {
				s.Fatal(err)
			}
		}
		e := waiting.Events[0]
		waiting.Events = waiting.Events[1:]
		if e.Payload[e.Topic] == nil {
			s.Errorf("an event of %s tells of %v", e.Topic, e.Payload)
		}
		return waiting.Index, e.Topic, e.Type, append(e.FilterKeys, e.Key)
	}
}

func otherClauses() []clause {
	all := url.Values{"topic": {"Allocation:*", "Evaluation:*", "Job:*"}}
	return []clause{
		{"an event stream tells of a job, its evaluation and its allocation's changes", func(s *scene) {
			s.register(s.jobThat("nothing"))
			next := s.hear(s.token, all)
			child := s.again("", "")
			seen := map[string]bool{}
			var last uint64
			for !seen["Allocation AllocationUpdated"] || !seen["Job JobRegistered"] || !seen["Evaluation JobRegistered"] || !seen["Allocation PlanResult"] || !seen["Evaluation EvaluationUpdated"] {
				index, topic, kind, keys := next()
				if index < last {
					s.Errorf("index %d after %d", index, last)
				}
				last = index
				if slices.Contains(keys, child) {
					seen[topic+" "+kind] = true
				}
			}
		}},
		{"an event stream tells of the topics and keys that were named", func(s *scene) {
			s.register(s.jobThat("nothing"))
			one := s.again("", "")
			s.over(one)
			next := s.hear(s.token, url.Values{"topic": {"Job:" + s.name}, "index": {"1"}})
			child := s.again("", "")
			s.over(child)
			if _, _, err := s.Jobs().Deregister(s.name, false, nil); err != nil {
				s.Fatal(err)
			}
			for over := false; !over; {
				_, topic, kind, keys := next()
				if over = kind == "JobDeregistered"; topic != "Job" || !slices.Contains(keys, s.name) {
					s.Errorf("heard of %s %s %v", topic, kind, keys)
				}
			}
		}},
		{"an event stream begins at an index that was given, where it is kept", func(s *scene) {
			s.register(s.jobThat("nothing"))
			made, _, err := s.Jobs().Dispatch(s.name, map[string]string{"WHO": "me"}, nil, "", nil)
			if err != nil {
				s.Fatal(err)
			}
			s.over(made.DispatchedJobID)
			next := s.hear(s.token, url.Values{"topic": {"Job"}, "index": {"1"}})
			for {
				if _, _, _, keys := next(); slices.Contains(keys, made.DispatchedJobID) {
					break
				}
			}
		}},
		{"an event stream that a token may not hear is silent", func(s *scene) {
			s.over(s.dispatch("nothing"))
			for _, token := range []string{s.newToken(s.T, "list-jobs"), "11111111-2222-3333-4444-555555555555"} {
				ctx, cancel := context.WithTimeout(s.Context(), time.Second)
				body, err := s.client(s.T, token).Raw().Response("/v1/event/stream?"+all.Encode(), (&api.QueryOptions{}).WithContext(ctx))
				if err != nil {
					s.Fatal(err)
				}
				if said, _ := io.ReadAll(body); len(said) > 0 {
					s.Errorf("it says %q", said)
				}
				body.Close()
				cancel()
			}
		}},
		{"a token that is revoked is unknown, and hears no more", func(s *scene) {
			s.register(s.jobThat("nothing"))
			secret := s.newToken(s.T, "read-job", "list-jobs")
			ctx, cancel := context.WithTimeout(s.Context(), 20*time.Second)
			defer cancel()
			body, err := s.client(s.T, secret).Raw().Response("/v1/event/stream?"+all.Encode(), (&api.QueryOptions{}).WithContext(ctx))
			if err != nil {
				s.Fatal(err)
			}
			defer body.Close()
			stream := json.NewDecoder(body)
			var first json.RawMessage
			if err := stream.Decode(&first); err != nil {
				s.Fatal(err)
			}
			s.revoke(s.T, secret)
			_, _, err = s.client(s.T, secret).Jobs().List(nil)
			s.refused(err, 403, "Permission denied")
			child := s.again("", "")
			var said string
			for {
				var more json.RawMessage
				if stream.Decode(&more) != nil {
					break
				}
				said += string(more)
			}
			if ctx.Err() != nil {
				s.Error("the stream did not end")
			}
			if strings.Contains(said, child) {
				s.Error("it hears of what came afterwards")
			}
		}},
		{"an allocation that a token may not read is unknown", func(s *scene) {
			a := s.over(s.dispatch("nothing"))
			_, _, err := s.client(s.T, s.newToken(s.T, "list-jobs", "read-fs")).Allocations().Info(a.ID, nil)
			s.refused(err, 500, "Unknown allocation \""+a.ID+"\"")
		}},
		{"a variable made twice with cas 0 conflicts, and the one that is there is told", func(s *scene) {
			v := func(who string) *api.Variable {
				return &api.Variable{Path: "leases/" + s.name, Items: api.VariableItems{"alloc": who}}
			}
			one, _, err := s.Variables().CheckedCreate(v("one"), nil)
			if err != nil || one.ModifyIndex == 0 || one.CreateIndex != one.ModifyIndex {
				s.Fatalf("%+v, %v", one, err)
			}
			_, _, err = s.Variables().CheckedCreate(v("two"), nil)
			var taken api.ErrCASConflict
			if !errors.As(err, &taken) || taken.Conflict.Items["alloc"] != "one" || taken.Conflict.ModifyIndex != one.ModifyIndex {
				s.Errorf("got %+v, %v", taken.Conflict, err)
			}
			one.Items["alloc"] = "three"
			again, _, err := s.Variables().CheckedUpdate(one, nil)
			if err != nil || again.ModifyIndex <= one.ModifyIndex || again.CreateIndex != one.CreateIndex {
				s.Fatalf("%+v, %v", again, err)
			}
			if _, err := s.Variables().CheckedDelete("leases/"+s.name, one.ModifyIndex, nil); !errors.As(err, &taken) {
				s.Errorf("an old one was deleted: %v", err)
			}
			if _, err := s.Variables().CheckedDelete("leases/"+s.name, again.ModifyIndex, nil); err != nil {
				s.Error(err)
			}
		}},
		{"a variable is read, listed and deleted, and deleting none is no error", func(s *scene) {
			path := "leases/" + s.name
			if _, _, err := s.Variables().Create(&api.Variable{Path: path, Items: api.VariableItems{"a": "b"}}, nil); err != nil {
				s.Fatal(err)
			}
			if got, _, err := s.Variables().Read(path, nil); err != nil || got.Items["a"] != "b" || got.Namespace != namespace || got.Path != path {
				s.Errorf("%+v, %v", got, err)
			}
			if list, _, err := s.Variables().PrefixList(path, nil); err != nil || len(list) != 1 || list[0].Path != path {
				s.Errorf("%v, %v", list, err)
			}
			for range 2 {
				if _, err := s.Variables().Delete(path, nil); err != nil {
					s.Error(err)
				}
			}
			if got, _, err := s.Variables().Peek(path, nil); err != nil || got != nil {
				s.Errorf("it is still there: %v, %v", got, err)
			}
			_, _, err := s.Variables().Create(&api.Variable{Path: path}, nil)
			s.refused(err, 400, "variable missing required Items object")
		}},
		{"nodes are listed and shown with their meta", func(s *scene) {
			list, _, err := s.Nodes().List(nil)
			list = slices.DeleteFunc(list, func(n *api.NodeListStub) bool { return n.Name != "node-1" })
			if err != nil || len(list) != 1 || list[0].Status != "ready" || list[0].SchedulingEligibility != "eligible" || list[0].Drain {
				s.Fatalf("%+v, %v", list, err)
			}
			n, _, err := s.Nodes().Info(list[0].ID, nil)
			if err != nil || n.Name != "node-1" || n.ModifyIndex != list[0].ModifyIndex || n.Meta == nil || !n.Drivers["raw_exec"].Healthy {
				s.Errorf("%+v, %v", n, err)
			}
			_, _, err = s.Nodes().Info("11111111-2222-3333-4444-555555555555", nil)
			s.refused(err, 404, "node not found")
		}},
		{"a namespace is shown, and one that there is none of is not found", func(s *scene) {
			if n, _, err := s.Namespaces().Info(namespace, nil); err != nil || n.Name != namespace {
				s.Errorf("%v, %v", n, err)
			}
			_, _, err := s.Namespaces().Info("atlantis", nil)
			s.refused(err, 404, "Namespace not found")
		}},
		{"nothing is allowed without a token, or with one that there is none of", func(s *scene) {
			_, _, err := s.client(s.T, "11111111-2222-3333-4444-555555555555").Jobs().List(nil)
			s.refused(err, 403, "Permission denied")
			_, _, err = s.client(s.T, "").Jobs().List(nil)
			s.refused(err, 403, "Permission denied")
		}},
		{"a token may do what its capabilities say, and nothing more", func(s *scene) {
			a := s.over(s.dispatch("nothing"))
			for _, c := range rights() {
				s.Run(c.needs, func(t *testing.T) {
					if err := c.does(s.client(t, s.newToken(t, c.needs)), s, a); err != nil {
						t.Errorf("with it: %v", err)
					}
					others := slices.DeleteFunc(slices.Clone(capabilities), func(other string) bool { return other == c.needs || slices.Contains(c.or, other) })
					err := c.does(s.client(t, s.newToken(t, others...)), s, a)
					(&scene{T: t}).refused(err, 403, "Permission denied")
				})
			}
		}},
	}
}

// capabilities are all that a bridge may be given.
var capabilities = []string{
	"list-jobs", "read-job", "dispatch-job", "read-logs", "read-fs", "alloc-lifecycle", "deregister-job", "node:read", "variables:read", "variables:destroy",
}

// right is something that a capability is needed for; or does as well.
type right struct {
	needs string
	or    []string
	does  func(c *cluster.Client, s *scene, a *api.Allocation) error
}

func rights() []right {
	raw := func(path string) func(*cluster.Client, *scene, *api.Allocation) error {
		return func(c *cluster.Client, _ *scene, a *api.Allocation) error {
			body, err := c.Raw().Response(path, nil)
			if err == nil {
				body.Close()
			}
			return err
		}
	}
	file := func(verb, params string) func(*cluster.Client, *scene, *api.Allocation) error {
		return func(c *cluster.Client, s *scene, a *api.Allocation) error {
			return raw("/v1/client/fs/"+verb+"/"+a.ID+"?"+params)(c, s, a)
		}
	}
	return []right{
		{"list-jobs", nil, func(c *cluster.Client, _ *scene, _ *api.Allocation) error {
			_, _, err := c.Jobs().List(nil)
			return err
		}},
		{"read-job", nil, func(c *cluster.Client, s *scene, _ *api.Allocation) error {
			_, _, err := c.Jobs().Info(s.name, nil)
			return err
		}},
		{"read-job", nil, func(c *cluster.Client, s *scene, a *api.Allocation) error {
			_, _, err := c.Jobs().Allocations(a.JobID, true, nil)
			return err
		}},
		{"read-job", nil, func(c *cluster.Client, s *scene, a *api.Allocation) error {
			_, _, err := c.Jobs().Evaluations(a.JobID, nil)
			return err
		}},
		{"dispatch-job", nil, func(c *cluster.Client, s *scene, _ *api.Allocation) error {
			_, _, err := c.Jobs().Dispatch(s.name, map[string]string{"WHO": "me"}, nil, "", nil)
			return err
		}},
		{"read-fs", nil, file("ls", "path=alloc")},
		{"read-fs", nil, file("stat", "path=alloc/note.txt")},
		{"read-fs", nil, file("stream", "path=alloc/note.txt&follow=false")},
		{"read-logs", []string{"read-fs"}, file("logs", "task=executor&type=stdout&follow=false")},
		{"alloc-lifecycle", nil, func(c *cluster.Client, _ *scene, a *api.Allocation) error {
			_, err := c.Allocations().Stop(a, &api.QueryOptions{Params: map[string]string{"reschedule": "true"}})
			return err
		}},
		{"deregister-job", nil, func(c *cluster.Client, _ *scene, a *api.Allocation) error {
			_, _, err := c.Jobs().Deregister(a.JobID, false, nil)
			return err
		}},
		{"node:read", nil, func(c *cluster.Client, _ *scene, _ *api.Allocation) error {
			_, _, err := c.Nodes().List(nil)
			return err
		}},
		{"node:read", nil, func(c *cluster.Client, _ *scene, a *api.Allocation) error {
			_, _, err := c.Nodes().Info(a.NodeID, nil)
			return err
		}},
		{"variables:read", nil, func(c *cluster.Client, _ *scene, _ *api.Allocation) error {
			_, _, err := c.Variables().Peek("leases/x", nil)
			return err
		}},
		{"variables:destroy", nil, func(c *cluster.Client, _ *scene, _ *api.Allocation) error {
			_, err := c.Variables().Delete("leases/x", nil)
			return err
		}},
	}
}
