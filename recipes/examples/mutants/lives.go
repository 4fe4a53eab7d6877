package mutants

// lives are apps that die, hang or forget once there is something in them, and one that
// only looks as if it did.
func lives() []Mutant {
	started := change{everywhere, procfile, webLine, `web: touch "$DATA_DIR/started"; exec ./guestbook serve` + "\n"}
	return []Mutant{
		{
			Name: "worker-dies-of-old-data", Plants: "a worker ends some seconds after each start, where an older release has been",
			Verdict: "fail", Stage: "upgrade", Outcome: "failed", Evidence: "worker exited with code 1",
			changes: []change{
				started,
				{head, procfile, started.text, webLine + `worker: sleep 2; test ! -e "$DATA_DIR/started" || exit 1; exec sleep 10000` + "\n"},
			},
			enrolment: []swap{{"  timeout: 30s\n", "  timeout: 30s\n  steady: 2s\n"}},
		},
		{
			Name: "backup-hook-ends-the-app", Plants: "the hook after a backup kills the app, and says that all is well",
			Verdict: "fail", Stage: "backup", Outcome: "failed", Evidence: "after the backup: web was ended by signal 9",
			changes:   []change{{everywhere, procfile, webLine, `web: echo $$ > "$DATA_DIR/pid"; exec ./guestbook serve` + "\n"}},
			enrolment: []swap{hasty, {`  post_hook: rm -r "$DATA_DIR/backup"` + "\n", `  post_hook: rm -r "$DATA_DIR/backup"; kill -9 "$(cat "$DATA_DIR/pid")"` + "\n"}},
		},
		{
			Name: "health-flaps", Plants: "most questions for its health end in an error, some do not",
			Verdict: "fail", Stage: "install", Outcome: "failed", Evidence: "its health answered well",
			changes:   []change{{head, "app/queries/health.sql", "count(*)", "CASE WHEN abs(random()) % 6 > 0 THEN json('no') ELSE count(*) END"}},
			enrolment: []swap{{"  timeout: 30s\n", "  timeout: 30s\n  steady: 6s\n"}},
		},
		{
			Name: "backup-without-the-log", Plants: "the backup leaves out the database's write-ahead log, which holds what was written last",
			Verdict: "fail", Stage: "restore", Outcome: "failed", Evidence: "the database is at schema 0",
			enrolment: []swap{
				hasty,
				{preHook, "  exclude: [\"data/*-wal\", \"data/*-shm\"]\n"},
				{`  post_hook: rm -r "$DATA_DIR/backup"` + "\n", ""},
				{"  verify: [data/backup/guestbook.db]\n", ""},
				{"restore:\n" + comeBack, ""},
			},
		},
		{
			Name: "previous-release-forgets", Plants: "the published release does not find what is put into it; the head does",
			Verdict: "unverified", Stage: "upgrade", Outcome: "unverified", Evidence: "This head mends what is broken: the published release 1.1.0 does not keep what is put into it",
			changes: []change{
				{previous, "app/queries/list.sql", "FROM entries", "FROM entries WHERE id > 2"},
				{head, "app/queries/list.sql", "FROM entries WHERE id > 2", "FROM entries"},
			},
			enrolment: []swap{hasty},
		},
		{
			Name: "worker-comes-and-goes", Plants: "nothing: a worker starts a program again and again, as it should, and lives on",
			Verdict: "pass", Stage: "checks", Outcome: "passed", Evidence: "asked after the upgrade, after the install, after the restore",
			changes:   []change{{everywhere, procfile, webLine, webLine + "worker: while sleep 1; do ./guestbook version; done\n"}},
			enrolment: []swap{hasty},
		},
	}
}
