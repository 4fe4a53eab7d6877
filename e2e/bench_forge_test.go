package e2e_test

import (
	"bufio"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/forgetest"
)

const (
	// search is the one question about a whole organisation.
	search = "GET /repos/issues/search"
	// readComments reads the comments of one repository.
	readComments = "GET /repos/{owner}/{repo}/issues/comments"
)

// isSweep says whether a request is about one repository: while nothing happens, only
// the sweep asks such questions.
func isSweep(r forgetest.Request) bool { return strings.Contains(r.Route, "/{repo}") }

// BenchmarkIdleRequests counts what an idle server asks of its forge.
func BenchmarkIdleRequests(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("%d repositories", n), func(b *testing.B) {
			for b.Loop() {
				idle(b, n)
			}
		})
	}
}

// idle watches a server through a whole sweep. The largest installation's memory is
// looked at, too, when it has nothing more to do.
func idle(b *testing.B, n int) {
	y := newYard(b, n, "")
	y.read(b)
	sweep := max(10*time.Second, time.Duration(n)*90*time.Millisecond)
	s := y.serve(b, "--poll", "1s", "--sweep", sweep.String())
	asked := map[string]bool{}
	eventually(b, s, 2*sweep+time.Minute, "a sweep of every repository", func() bool {
		for _, r := range y.forge.Requests() {
			if isSweep(r) {
				asked[repoIn(r.Path)] = true
			}
		}
		cycles, _ := perCycle(y.forge.Requests())
		return len(asked) == n && cycles >= 5
	})
	time.Sleep(time.Second) // the last one's is through
	cycles, idle := perCycle(y.forge.Requests())
	figure(b, fmt.Sprintf("forge requests per idle cycle, %d enrolled", n), "requests", float64(idle)/float64(cycles), &bound{"=", 1})
	swept := firstSweeps(y.forge.Requests())
	figure(b, "  the sweep, apart: per repository and sweep", "requests swept", float64(swept)/float64(n), nil)
	if n == 1000 {
		y.settle(b, s)
	}
}

// settle waits until the sweep is through and the server has been idle for a while,
// and tells how much memory it holds.
func (y *yard) settle(b *testing.B, s *served) {
	time.Sleep(10 * time.Second)
	figure(b, "resident memory of an idle serve, 1000 enrolled", "MiB", s.memory(b, "VmRSS"), &bound{"<=", 50})
	figure(b, "  the program's own file, mapped", "MiB of the file", s.memory(b, "RssFile"), nil)
	told := s.goMemory(b)
	mib := func(name string) float64 { return told["go_memstats_"+name] / (1 << 20) }
	figure(b, "  heap in use", "MiB in use", mib("heap_alloc_bytes"), nil)
	figure(b, "  heap that is free and not given back", "MiB free", mib("heap_sys_bytes")-mib("heap_released_bytes")-mib("heap_alloc_bytes"), nil)
	figure(b, "  stacks", "MiB of stacks", mib("stack_sys_bytes"), nil)
	figure(b, "  SQLite, and what Go needs to keep its heap", "MiB of others", s.memory(b, "RssAnon")-mib("heap_sys_bytes")+mib("heap_released_bytes")-mib("stack_sys_bytes"), nil)
	figure(b, "  the most it ever held", "MiB at most", s.memory(b, "VmHWM"), nil)
}

// goMemory is what the server tells of its memory.
func (s *served) goMemory(b *testing.B) map[string]float64 {
	b.Helper()
	answer, err := http.Get(s.url + "/metrics")
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	told := map[string]float64{}
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if n, err := strconv.ParseFloat(value, 64); err == nil {
			told[name] = n
		}
	}
	return told
}

// perCycle counts what was asked between the second and the last question about the
// organisation, the sweep's requests apart. (Before the second, the server introduces
// itself.)
func perCycle(requests []forgetest.Request) (cycles, idle int) {
	var searches []int
	for i, r := range requests {
		if r.Route == search {
			searches = append(searches, i)
		}
	}
	if len(searches) < 3 {
		return 0, 0
	}
	for _, r := range requests[searches[1]:searches[len(searches)-1]] {
		if !isSweep(r) {
			idle++
		}
	}
	return len(searches) - 2, idle
}

// firstSweeps counts the requests of the first sweep of each repository. A sweep
// begins with its comments.
func firstSweeps(requests []forgetest.Request) (n int) {
	sweeps := map[string]int{}
	for _, r := range requests {
		if !isSweep(r) {
			continue
		}
		repo := repoIn(r.Path)
		if r.Route == readComments {
			sweeps[repo]++
		}
		if sweeps[repo] == 1 {
			n++
		}
	}
	return n
}

// repoIn reads the repository out of /api/v1/repos/{owner}/{repo}/...
func repoIn(path string) string {
	parts := strings.Split(path, "/")
	return parts[min(5, len(parts)-1)]
}

// BenchmarkAnswer counts what it takes to answer a command: from the moment that the
// comment was read until both the comment and the status that answer it are there.
func BenchmarkAnswer(b *testing.B) {
	for b.Loop() {
		answer(b)
	}
}

func answer(b *testing.B) {
	y := newYard(b, 1, "trusted:\n  code: true\n")
	repo := y.repos[0]
	head, err := forgetest.Git(y.source, "rev-parse", "HEAD")
	if err != nil {
		b.Fatal(err)
	}
	pull, err := y.forge.OpenPull(forgetest.NewPull{Repo: repo, Author: yardMember, Title: "A change", Dir: y.source, Ref: "HEAD"})
	if err != nil {
		b.Fatal(err)
	}
	s := y.serve(b, "--poll", "2s")
	eventually(b, s, time.Minute, "the first looks", func() bool {
		asked := y.forge.Requests()
		return slices.ContainsFunc(asked, isSweep) && len(asked) > 4
	})
	time.Sleep(2 * time.Second) // a comment is as old as a second tells
	before := len(y.forge.Requests())
	if _, err := y.forge.Comment(repo, pull, yardMember, "!testme"); err != nil {
		b.Fatal(err)
	}
	var states []forge.Status
	eventually(b, s, time.Minute, "the run to be over", func() bool {
		states, err = y.forge.Statuses(repo, head)
		return err == nil && len(states) > 0 && states[0].State != forge.StatusPending
	})
	requests := y.forge.Requests()[before:]
	seen := slices.IndexFunc(requests, func(r forgetest.Request) bool { return r.Route == readComments })
	commented := slices.IndexFunc(requests, func(r forgetest.Request) bool {
		return r.Route == "POST /repos/{owner}/{repo}/issues/{n}/comments"
	})
	status := slices.IndexFunc(requests, func(r forgetest.Request) bool {
		return strings.HasPrefix(r.Route, "POST /repos/{owner}/{repo}/statuses/")
	})
	if seen < 0 || commented < 0 || status < 0 {
		b.Fatalf("the command was not answered: %v", requests)
	}
	var routes []string
	for _, r := range requests[seen+1 : max(commented, status)+1] {
		if r.Route != search { // the next look at the organisation may fall in between
			routes = append(routes, r.Route)
		}
	}
	figure(b, "requests from a comment seen to its answer", "requests", float64(len(routes)), &bound{"<=", 6})
	for _, route := range routes {
		row(b, benchTable, "  "+route, "", "", "")
	}
}
