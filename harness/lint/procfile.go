package lint

import "seatrial/harness/run"

// procfileRules are about the form of the Procfile. The deployer refuses what they
// call an error.
func procfileRules() []rule {
	return []rule{
		{"procfile-missing", run.SeverityError, procfileMissing},
		{"procfile-bad-line", run.SeverityError, procfileBadLine},
		{"procfile-duplicate", run.SeverityError, procfileDuplicate},
		{"procfile-missing-web", run.SeverityError, procfileMissingWeb},
	}
}

func procfileMissing(r *recipe, say say) {
	if r.noProc != "" {
		say(procfileName, 0, "the Procfile cannot be read: %s. Add one with a line like `web: ./server`", visible(r.noProc))
	}
}

func procfileBadLine(r *recipe, say say) {
	for _, l := range r.procfile {
		if l.name == "" {
			say(procfileName, l.number, "this is not a name, a colon and a command: write one service a line, like `web: ./server`")
		}
	}
}

func procfileDuplicate(r *recipe, say say) {
	first := map[string]int{}
	for _, l := range r.procfile {
		switch {
		case l.name == "":
		case first[l.name] > 0:
			say(procfileName, l.number, "%s stands in line %d already: rename or remove one", visible(l.name), first[l.name])
		default:
			first[l.name] = l.number
		}
	}
}

func procfileMissingWeb(r *recipe, say say) {
	if r.noProc == "" && !r.hasService("web") {
		say(procfileName, 0, "no line says how to start web, the service that answers on $PORT: add one like `web: ./server`")
	}
}
