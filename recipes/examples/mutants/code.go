package mutants

// code are changes of what runs after the upgrade, and of where it runs.
func code() []Mutant {
	// A worker whose program is put into the volume at the first start, and never again.
	const kept = webLine + `worker: test -e "$DATA_DIR/bin/tick" || { mkdir "$DATA_DIR/bin" && cp /bin/sleep "$DATA_DIR/bin/tick"; }; exec "$DATA_DIR/bin/tick" 100000` + "\n"
	return []Mutant{
		{
			Name: "worker-kept-in-a-volume", Plants: "beside the head's program, a worker runs one that was put into the volume once",
			Verdict: "unverified", Stage: "upgrade", Outcome: "unverified", Evidence: "is no proof of the new release",
			changes: []change{{everywhere, procfile, webLine, kept}}, enrolment: []swap{hasty},
		},
		{
			Name: "port-of-its-own", Plants: "the program listens on a port of its own, not on $PORT",
			Verdict: "fail", Stage: "upgrade", Outcome: "failed", Evidence: "but something does on 18123",
			changes: web("PORT=18123 exec ./guestbook serve"), enrolment: []swap{impatient},
		},
		{
			Name: "healthy-in-its-data", Plants: "nothing: the program is started from within its data",
			Verdict: "pass", Stage: "upgrade", Outcome: "passed", Healthy: true,
			changes: web(`cd "$DATA_DIR" && exec "$OLDPWD/guestbook" serve`), enrolment: []swap{hasty},
		},
		{
			Name: "healthy-program-of-the-system", Plants: "nothing: a worker is a program of the system that works in the data",
			Verdict: "pass", Stage: "upgrade", Outcome: "passed", Healthy: true,
			changes: []change{{everywhere, procfile, webLine, webLine + `worker: cd "$DATA_DIR" && exec sleep 100000` + "\n"}}, enrolment: []swap{hasty},
		},
		{
			Name: "healthy-with-a-new-setting", Plants: "nothing: the head needs a setting that the enrolment gives by upgrade_env",
			Verdict: "pass", Stage: "install", Outcome: "passed", Healthy: true,
			changes: web(`test -n "$HARBOUR" && exec ./guestbook serve`), enrolment: []swap{hasty, {"checks:\n", "upgrade_env: {HARBOUR: east}\nchecks:\n"}},
		},
	}
}
