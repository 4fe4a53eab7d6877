package forgetest

import (
	"errors"
	"strings"
	"time"

	"seatrial/bridge/forge"
)

// githubContract: what only GitHub does. The world of these clauses is a Server, since a
// real GitHub can be asked neither for its ledger nor to fail.
var githubContract = []clause{
	{"an idle repository costs nothing of the limit", func(s *scene) {
		server := s.github()
		scope := forge.Repository(s.repo)
		cursor := s.begin(scope)
		_, cursor = s.until(scope, cursor, s.say(s.alice, "hello"))
		for range 3 { // the second passes, in which something can be hidden
			s.Tick()
			_, cursor = s.next(scope, cursor)
		}
		spent, asked := server.Spent(s.bot), len(server.Requests())
		for range 5 {
			s.Tick()
			_, cursor = s.next(scope, cursor)
		}
		if n := server.Spent(s.bot) - spent; n != 0 || len(server.Requests()) != asked+5 {
			s.Errorf("five idle cycles cost %d in %d requests", n, len(server.Requests())-asked)
		}
		s.until(scope, cursor, s.say(s.alice, "still there?"))
	}},
	{"an unchanged default branch costs nothing of the limit", func(s *scene) {
		server := s.github()
		_, _, err := s.forge.DefaultBranch(s.ctx, s.repo)
		s.must(err)
		spent := server.Spent(s.bot)
		_, trees, err := s.forge.DefaultBranch(s.ctx, s.repo)
		if err != nil || len(trees) == 0 || server.Spent(s.bot) != spent {
			s.Errorf("asked again: %v, %v, cost %d", trees, err, server.Spent(s.bot)-spent)
		}
	}},
	{"who is told to wait waits, and says until when", func(s *scene) {
		for _, kind := range []Kind{Secondary, SecondaryBare, TooMany, Exhausted} {
			server := s.github()
			f := s.as(s.bot)
			server.Fail(Failure{Kind: kind, Times: 1})
			_, err := f.PullRequest(s.ctx, s.repo, s.pull)
			limited, ok := errors.AsType[*forge.LimitedError](err)
			if !ok || !errors.Is(err, forge.ErrLimited) || time.Until(limited.Until) < 30*time.Second {
				s.Errorf("%s: %v", kind, err)
				continue
			}
			before := len(server.Requests())
			if _, err := f.PullRequest(s.ctx, s.repo, s.pull); !errors.Is(err, forge.ErrLimited) || len(server.Requests()) != before {
				s.Errorf("%s, asked again: %v, with %d requests", kind, err, len(server.Requests())-before)
			}
			server.forget(s.bot)
		}
	}},
	{"a repository that has another name now is not found, and that is said", func(s *scene) {
		server := s.github()
		there, err := server.RenameRepo(s.repo, s.org, "boat")
		s.must(err)
		if _, err := s.forge.PullRequest(s.ctx, s.repo, s.pull); !errors.Is(err, forge.ErrNotFound) || !strings.Contains(err.Error(), "renamed") {
			s.Errorf("by its old name: %v", err)
		}
		if pr, err := s.forge.PullRequest(s.ctx, there, s.pull); err != nil || pr.Repo != there {
			s.Errorf("by its new name: %+v, %v", pr, err)
		}
	}},
	{"an App reports by check runs, a token by statuses", func(s *scene) {
		server := s.github()
		app, _ := s.installed(server)
		_, wrote, err := app.LastStatus(s.ctx, s.repo, s.head, "seatrial")
		if err != nil || wrote {
			s.Errorf("before any: %v, %v", wrote, err)
		}
		pending := forge.Status{State: forge.StatusPending, Context: "seatrial", Description: "installing", TargetURL: "http://127.0.0.1:1/run"}
		done := pending
		done.State, done.Description = forge.StatusSuccess, "level 4"
		done.Details = &forge.Details{Summary: "all of it", Notes: []forge.Note{{Path: "README", Line: 1, Level: forge.LevelWarning, Title: "a note", Text: "look"}, {Level: forge.LevelNotice, Text: "about no file"}}}
		s.must(app.SetStatus(s.ctx, s.repo, s.head, pending))
		s.must(app.SetStatus(s.ctx, s.repo, s.head, done))
		runs, err := server.Checks(s.repo, s.head)
		s.must(err)
		if len(runs) != 1 || runs[0].Status != "completed" || runs[0].Conclusion != "success" || runs[0].Notes != 1 || !strings.Contains(runs[0].Summary, "all of it") {
			s.Errorf("the check runs are %+v, want one that was edited", runs)
		}
		if got, ok, err := app.LastStatus(s.ctx, s.repo, s.head, "seatrial"); err != nil || !ok || got.State != forge.StatusSuccess {
			s.Errorf("read back: %+v, %v, %v", got, ok, err)
		}
		s.must(s.forge.SetStatus(s.ctx, s.repo, s.head, pending))
		if runs, _ := server.Checks(s.repo, s.head); len(runs) != 1 {
			s.Errorf("with a token: %+v", runs)
		}
	}},
	{"an App's token that is over is renewed", func(s *scene) {
		server := s.github()
		app, _ := s.installed(server)
		_, err := app.PullRequest(s.ctx, s.repo, s.pull)
		s.must(err)
		server.SetClock(90 * time.Minute)
		if _, err := app.PullRequest(s.ctx, s.repo, s.pull); err != nil {
			s.Errorf("ninety minutes later: %v", err)
		}
	}},
	{"an App that may not see the members does not say no", func(s *scene) {
		server := s.github()
		app, id := s.installed(server)
		if is, err := app.Member(s.ctx, s.org, s.aliceP); err != nil || !is {
			s.Errorf("with leave to see them: %v, %v", is, err)
		}
		s.must(server.Permit(id, "members", ""))
		if is, err := app.Member(s.ctx, s.org, s.malP); err == nil {
			s.Errorf("without: %v", is)
		}
	}},
}

// github is the world as a Server.
func (s *scene) github() *Server {
	s.Helper()
	server, ok := s.World.(*Server)
	if !ok {
		s.Fatal("only a Server can be asked for this")
	}
	return server
}

// installed is an adapter for an App that is installed in the scene's organisation.
func (s *scene) installed(server *Server) (Adapter, int64) {
	s.Helper()
	app, err := server.AddApp("seatrial" + s.Suffix)
	s.must(err)
	id, err := server.InstallApp(app.ID, s.org)
	s.must(err)
	return s.AppAdapter(app), id
}
