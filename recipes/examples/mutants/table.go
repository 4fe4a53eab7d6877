package mutants

import "seatrial/recipes/examples"

// Where a change begins.
const (
	everywhere = "1.0.0"
	previous   = "1.1.0"
	head       = examples.PullBranch
)

// Lines of the guestbook that are changed.
const (
	procfile   = "Procfile"
	webLine    = "web: ./guestbook serve\n"
	migrate    = "release: ./guestbook migrate\n"
	preHook    = `  pre_hook: ./guestbook backup "$DATA_DIR/backup/guestbook.db"` + "\n"
	comeBack   = `  pre_hook: ./guestbook restore "$DATA_DIR/backup/guestbook.db" && rm -r "$DATA_DIR/backup"` + "\n"
	withoutLog = "  exclude: [\"data/guestbook.db*\"]\n"
)

// hasty spares the wait for apps that die late; impatient, that for apps that never
// come up.
var (
	hasty     = swap{"  timeout: 30s\n", "  timeout: 30s\n  steady: 1s\n"}
	impatient = swap{"  timeout: 30s\n", "  timeout: 4s\n  steady: 1s\n"}
)

// All lists the guestbook's mutants.
func All() []Mutant {
	var all []Mutant
	for _, group := range [][]Mutant{upgrades(), starts(), stops(), backups(), lives(), code()} {
		all = append(all, group...)
	}
	return all
}

// web is the head's Procfile with another line for web.
func web(line string) []change { return []change{{head, procfile, webLine, "web: " + line + "\n"}} }

func upgrades() []Mutant {
	return []Mutant{
		{
			Name: "upgrade-loses-a-row", Plants: "the upgrade deletes an entry of the app's own",
			Verdict: "fail", Stage: "upgrade", Outcome: "failed", Evidence: "entries",
			changes:   []change{{head, "app/migrations/003.sql", "CREATE TABLE guests (", "DELETE FROM entries WHERE id = 1;\nCREATE TABLE guests ("}},
			enrolment: []swap{hasty},
		},
		{
			Name: "upgrade-empties-a-volume", Plants: "the release command begins by clearing the data folder",
			Verdict: "fail", Stage: "upgrade", Outcome: "failed", Evidence: "the volume data no longer holds the file that was put into it",
			changes: []change{{head, procfile, migrate, `release: find "$DATA_DIR" -mindepth 1 -delete && ./guestbook migrate` + "\n"}}, enrolment: []swap{hasty},
		},
		{
			Name: "upgrade-needs-an-empty-table", Plants: "the migration adds a column that old entries have no value for",
			Verdict: "fail", Stage: "upgrade", Outcome: "failed", Evidence: "003.sql",
			changes:   []change{{head, "app/migrations/003.sql", "CREATE TABLE guests (", "ALTER TABLE entries ADD COLUMN mood TEXT NOT NULL;\nCREATE TABLE guests ("}},
			enrolment: []swap{hasty},
		},
		{
			Name: "history-rewritten", Plants: "an old migration was edited: who upgrades has seen it, who installs has not",
			Verdict: "fail", Stage: "install", Outcome: "failed", Evidence: "002.sql",
			changes: []change{{head, "app/migrations/001.sql", "  at TEXT NOT NULL\n", "  at TEXT NOT NULL,\n  name TEXT\n"}}, enrolment: []swap{hasty},
		},
		{
			Name: "state-outside-the-volumes", Plants: "the database lies beside the program, where the next release does not find it",
			Verdict: "fail", Stage: "upgrade", Outcome: "failed", Evidence: "outside its volumes",
			changes: []change{
				{everywhere, procfile, migrate, ""},
				{everywhere, procfile, webLine, "web: export DATA_DIR=.; ./guestbook migrate && exec ./guestbook serve\n"},
			},
			enrolment: []swap{hasty},
		},
		{
			Name: "head-never-deployed", Plants: "the program is copied to the volume once, and the copy is what is started ever after",
			Verdict: "fail", Stage: "upgrade", Outcome: "failed", Evidence: "1.1.0",
			changes: []change{
				{everywhere, procfile, migrate, `release: mkdir -p "$DATA_DIR/bin" && { test -e "$DATA_DIR/bin/guestbook" || cp guestbook "$DATA_DIR/bin/"; } && "$DATA_DIR/bin/guestbook" migrate` + "\n"},
				{everywhere, procfile, webLine, `web: "$DATA_DIR/bin/guestbook" serve` + "\n"},
			},
			enrolment: []swap{hasty},
		},
		{
			Name: "previous-release-broken", Plants: "the published release itself does not start; the head does",
			Verdict: "unverified", Stage: "upgrade", Outcome: "unverified", Evidence: "the published release 1.1.0 does not come up",
			changes: []change{
				{previous, procfile, webLine, "web: ./guestbook serv\n"},
				{head, procfile, "web: ./guestbook serv\n", webLine},
			},
			enrolment: []swap{hasty},
		},
	}
}

func starts() []Mutant {
	return []Mutant{
		{
			Name: "crash-loop", Plants: "the start command is misspelt, so the program ends at once",
			Verdict: "fail", Stage: "upgrade", Outcome: "failed", Evidence: "web exited with code 1",
			changes: web("./guestbook serv"), enrolment: []swap{hasty},
		},
		{
			Name: "head-broken", Plants: "the head does not build: a template is not closed",
			Verdict: "fail", Stage: "upgrade", Outcome: "failed", Evidence: "app/page.html",
			changes: []change{{head, "app/page.html", "{{- end}}\n</ol>", "</ol>"}}, enrolment: []swap{hasty},
		},
		{
			Name: "never-healthy", Plants: "the program listens, but its health check asks for a table that is not there",
			Verdict: "fail", Stage: "upgrade", Outcome: "failed", Evidence: "500",
			changes: []change{{head, "app/queries/health.sql", "entries", "visits"}}, enrolment: []swap{impatient},
		},
		{
			Name: "wrong-page", Plants: "every answer is 200, but the page is not the guestbook",
			Verdict: "fail", Stage: "checks", Outcome: "failed", Evidence: "<h1>Guestbook</h1>",
			changes: []change{{head, "app/page.html", "<h1>Guestbook</h1>", "<h1>It works!</h1>"}}, enrolment: []swap{hasty},
		},
		{
			Name: "dies-after-ten-seconds", Plants: "the program comes up healthy and ends ten seconds later",
			Verdict: "fail", Stage: "install", Outcome: "failed", Evidence: "web exited with code 1",
			changes: web("./guestbook serve & sleep 10; kill $!; wait; exit 1"),
		},
	}
}

func stops() []Mutant {
	return []Mutant{
		{
			Name: "outlives-its-stop", Plants: "a helper forks twice, in a session of its own, and stays when the app is stopped",
			Verdict: "fail", Stage: "restart", Outcome: "failed", Evidence: "outlived",
			changes: web(`(setsid sh -c 'trap "" TERM; while :; do sleep 1; done' &); exec ./guestbook serve`), enrolment: []swap{hasty},
		},
		{
			Name: "ignores-its-stop", Plants: "the start script does not end when it is asked to",
			Verdict: "fail", Stage: "restart", Outcome: "failed", Evidence: "did not stop within",
			changes: web(`trap '' TERM; ./guestbook serve & while :; do sleep 1; done`), enrolment: []swap{hasty},
		},
		{
			Name: "restart-forgets", Plants: "the second start finds the first one's mark and begins anew",
			Verdict: "fail", Stage: "restart", Outcome: "failed", Evidence: "guestbook.db",
			changes: web(`test ! -e "$DATA_DIR/started" || rm -f "$DATA_DIR"/guestbook.db*; touch "$DATA_DIR/started"; ./guestbook migrate && exec ./guestbook serve`), enrolment: []swap{hasty},
		},
	}
}

func backups() []Mutant {
	return []Mutant{
		{
			Name: "backup-hook-fails", Plants: "the backup hook writes where nothing can be written",
			Verdict: "fail", Stage: "backup", Outcome: "failed", Evidence: "backup.pre_hook exited with code 1",
			enrolment: []swap{hasty, {preHook, `  pre_hook: ./guestbook backup "$DATA_DIR/guestbook.db/copy"` + "\n"}},
		},
		{
			Name: "backup-empty", Plants: "the backup hook says that it worked, and its file has no bytes",
			Verdict: "fail", Stage: "backup", Outcome: "failed", Evidence: "0 bytes",
			enrolment: []swap{hasty, {preHook, `  pre_hook: mkdir "$DATA_DIR/backup" && :> "$DATA_DIR/backup/guestbook.db"` + "\n" + withoutLog}},
		},
		{
			Name: "backup-of-nothing", Plants: "the enrolment excludes everything there is",
			Verdict: "fail", Stage: "backup", Outcome: "failed", Evidence: "the backup",
			enrolment: []swap{hasty, {preHook, preHook + "  exclude: [\"data/**\"]\n"}},
		},
		{
			Name: "copied-while-written", Plants: "the backup hook copies the database's file without its write-ahead log",
			Verdict: "fail", Stage: "restore", Outcome: "failed", Evidence: "the database is at schema 0",
			enrolment: []swap{
				hasty,
				{preHook, `  pre_hook: mkdir "$DATA_DIR/backup" && cp "$DATA_DIR/guestbook.db" "$DATA_DIR/backup/"` + "\n" + withoutLog},
				{comeBack, `  pre_hook: mv "$DATA_DIR/backup/guestbook.db" "$DATA_DIR/" && rmdir "$DATA_DIR/backup"` + "\n"},
			},
		},
		{
			Name: "restore-keeps-nothing", Plants: "the restore hook begins with an empty database and calls it restored",
			Verdict: "fail", Stage: "restore", Outcome: "failed", Evidence: "guestbook.db",
			enrolment: []swap{hasty, {comeBack, `  pre_hook: rm -r "$DATA_DIR"/guestbook.db* "$DATA_DIR/backup" && ./guestbook migrate` + "\n"}},
		},
	}
}
