package bridge_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/forgetest"
	"seatrial/harness/run"
)

var (
	dayMembers   = []string{"ada", "grace", "edsger", "barbara"}
	dayStrangers = []string{"eve", "mallory"}
)

// What is said that is no command, although some of it looks like one.
var prose = []string{
	"please do not !testme",
	"> !testme\n\nWhat does this do?",
	"```\n!testme\n```",
	"It works here.",
	"!testme!",
	"<!-- seatrial comment=1 -->",
	"!testme\n\n" + strings.Repeat("and some more words ", 64<<10/20),
	strings.Repeat("x", 64<<10),
}

// saying is a comment as it was made, and what became of it.
type saying struct {
	repo    forge.Repo
	pull    int
	id      int64
	by      string
	command bool // when it was made
	touched bool // edited or deleted later: answered at most once
}

func (s saying) byMember() bool { return strings.Contains(strings.Join(dayMembers, " "), s.by) }

// passesOrNot passes most runs, and loses some.
func passesOrNot(ctx context.Context, r run.Request, attempt int, emit func(run.Event)) bool {
	sum := fnv.New32a()
	sum.Write([]byte(r.ID))
	if attempt == 1 && sum.Sum32()%15 == 0 {
		return dies(ctx, r, attempt, emit)
	}
	return passes(ctx, r, attempt, emit)
}

// deed is something that happens at a time of the day.
type deed struct {
	at time.Duration
	do func()
}

// plot makes up what is said over the day, and on which pull requests.
type plot struct {
	*day
	random *rand.Rand
	length time.Duration
	pulls  []*saying // where something can be said
	said   []*saying
	heads  map[string]bool
	hooks  int
}

func (p *plot) any() time.Duration { return time.Duration(p.random.Int64N(int64(p.length))) }

// openPulls opens two pull requests in each repository.
func (p *plot) openPulls(repos []forge.Repo) {
	for _, r := range repos {
		for i := range 2 {
			head := p.madeUp()
			n, err := p.server.AddMadeUpPull(r, "eve", fmt.Sprintf("Change %d", i), head)
			p.must(err)
			p.pulls = append(p.pulls, &saying{repo: r, pull: n})
			p.heads[r.String()+" "+head] = true
		}
	}
}

func (p *plot) madeUp() string {
	return fmt.Sprintf("%016x%016x%08x", p.random.Uint64(), p.random.Uint64(), p.random.Uint32())
}

// comment is one, at a random time or soon after the one before, on the same pull request.
func (p *plot) comment(i int, before deed) []deed {
	where, at := p.pulls[p.random.IntN(len(p.pulls))], p.any()
	if i > 0 && p.random.IntN(5) == 0 { // somebody else asks too
		where, at = p.said[i-1], before.at+time.Duration(p.random.IntN(40))*time.Second
	}
	s := &saying{repo: where.repo, pull: where.pull, by: p.speaker(), command: p.random.IntN(10) < 6}
	p.said = append(p.said, s)
	body := "!testme"
	if !s.command {
		body = prose[p.random.IntN(len(prose))]
	}
	told, fate, soon := p.random.IntN(4), p.random.IntN(20), time.Duration(2+p.random.IntN(60))*time.Second
	s.touched = fate < 2
	deeds := []deed{{at, func() {
		var err error
		s.id, err = p.server.Comment(s.repo, s.pull, s.by, body)
		p.must(err)
		p.note("comment %d by %s on %s#%d, a command: %t", s.id, s.by, s.repo, s.pull, s.command)
		for range max(0, told-1) { // half of them by no hook, a quarter by two
			p.hooks++
			p.hooked(s.repo, s.pull, s.id)
		}
	}}}
	switch {
	case fate == 0:
		deeds = append(deeds, deed{at + soon, func() { p.must(p.server.DeleteComment(s.repo, s.id, s.by)) }})
	case fate == 1 && s.command:
		deeds = append(deeds, deed{at + soon, func() { p.must(p.server.EditComment(s.repo, s.id, s.by, "never mind")) }})
	case fate == 1:
		deeds = append(deeds, deed{at + soon, func() { p.must(p.server.EditComment(s.repo, s.id, s.by, "!testme")) }})
	}
	return deeds
}

func (p *plot) speaker() string {
	switch n := p.random.IntN(20); {
	case n == 0:
		return bot.Login
	case n < 4:
		return dayStrangers[n%len(dayStrangers)]
	}
	return dayMembers[p.random.IntN(len(dayMembers))]
}

// close closes a pull request: who asks there is refused.
func (p *plot) close() deed {
	where := p.pulls[p.random.IntN(len(p.pulls))]
	return deed{p.any(), func() { p.must(p.server.ClosePull(where.repo, where.pull)) }}
}

// push moves a pull request's head.
func (p *plot) push() deed {
	where, head := p.pulls[p.random.IntN(len(p.pulls))], p.madeUp()
	return deed{p.any(), func() {
		p.heads[where.repo.String()+" "+head] = true
		p.must(p.server.MoveMadeUpHead(where.repo, where.pull, head))
	}}
}

// trouble is a way in which the forge fails.
type trouble struct {
	name       string
	begin, end func()
}

func (p *plot) troubles() []trouble {
	fails := func(name string, f forgetest.Failure) trouble {
		return trouble{name, func() { p.server.Fail(f) }, p.server.Mend}
	}
	clock := func(name string, ahead time.Duration) trouble {
		return trouble{name, func() { p.server.SetClock(ahead) }, func() { p.server.SetClock(0) }}
	}
	return []trouble{
		fails("500", forgetest.Failure{Kind: forgetest.Broken}),
		fails("503 with Retry-After", forgetest.Failure{Kind: forgetest.Unavailable}),
		fails("HTML", forgetest.Failure{Kind: forgetest.HTML}),
		fails("truncated JSON", forgetest.Failure{Kind: forgetest.Truncated}),
		fails("dropped", forgetest.Failure{Kind: forgetest.Drop}),
		fails("lost answers", forgetest.Failure{Kind: forgetest.Lost}),
		fails("lost answers to POST", forgetest.Failure{Kind: forgetest.Lost, Method: "POST"}),
		fails("truncated answers to POST", forgetest.Failure{Kind: forgetest.Truncated, Method: "POST"}),
		fails("lost answers to comments", forgetest.Failure{Kind: forgetest.Lost, Method: "POST", Path: "/issues/1/comments"}),
		fails("truncated answers to comments", forgetest.Failure{Kind: forgetest.Truncated, Method: "POST", Path: "/issues/2/comments"}),
		fails("lost answers to statuses", forgetest.Failure{Kind: forgetest.Lost, Method: "POST", Path: "/statuses/"}),
		fails("HTML for members", forgetest.Failure{Kind: forgetest.HTML, Path: "/members/"}),
		fails("slow, 30 s", forgetest.Failure{Kind: forgetest.Slow, Delay: 30 * time.Second}),
		fails("slow, 12 s", forgetest.Failure{Kind: forgetest.Slow, Delay: 12 * time.Second}),
		fails("401", forgetest.Failure{Kind: forgetest.Revoked}),
		clock("clock ahead", time.Hour),
		p.clockBehind(),
		{"pushes noted late", func() { p.must(p.server.Lag(true)) }, func() { p.must(p.server.Lag(false)) }},
		{"search behind", func() { p.server.LagSearch(true) }, func() { p.server.LagSearch(false) }},
	}
}

// clockBehind puts the forge's clock back, if a bridge is there to see it, and lets that
// live until it was put right. What is said meanwhile bears a time from long before: who
// listens only later has no way to find it, and would take it for older than the enrolment.
func (p *plot) clockBehind() trouble {
	return trouble{"clock behind", func() {
		if p.spare(true) {
			p.server.SetClock(-time.Hour)
		} else {
			p.note("nobody is there to see it")
		}
	}, func() {
		p.server.SetClock(0)
		p.spare(false)
	}}
}

// trouble makes the forge fail in one way after another, each for up to eight minutes.
func (p *plot) trouble(each time.Duration) (deeds []deed) {
	all := p.troubles()
	for i, from := 0, each; from+each < p.length; i, from = i+1, from+each {
		if i%len(all) == 0 {
			p.random.Shuffle(len(all), func(a, b int) { all[a], all[b] = all[b], all[a] })
		}
		now, took := all[i%len(all)], time.Duration(30+p.random.IntN(450))*time.Second
		begin := from + time.Duration(p.random.Int64N(int64(each-took)))
		deeds = append(deeds,
			deed{begin, func() { p.note("begins: %s", now.name); p.wire.fails(now.name); now.begin() }},
			deed{begin + took, func() { p.note("ends: %s", now.name); p.wire.fails(""); now.end() }})
	}
	return deeds
}
