package mutants

// Pieces of the guestbook's enrolment, whole.
const (
	seedSteps = `canaries:
  seed:
    - name: Ada writes
      request:
        path: /entries
        form: {name: Ada, text: "Fair winds!"}
    - name: Grace writes
      request:
        path: /entries
        form: {name: Grace, text: "Following seas <3"}
`
	expectSteps = `  expect:
    - name: both entries are there
      request: {path: /entries.json}
      expect:
        json:
          "$.entries[?(@.text == 'Fair winds!')].name": Ada
          "$.entries[?(@.name == 'Grace')].text": "Following seas <3"
`
	backupSteps = "backup:\n" + preHook + `  post_hook: rm -r "$DATA_DIR/backup"
  verify: [data/backup/guestbook.db]
restore:
` + comeBack
	guests = "CREATE TABLE guests ("
)

// nobodyLooks is an enrolment that knows nothing but the health page.
var nobodyLooks = swap{seedSteps + expectSteps, ""}

// losses are data that goes where it is easily overlooked.
func losses() []Mutant {
	return []Mutant{
		{
			Name: "upgrade-removes-what-a-glob-names", Plants: "the release command removes all but hidden files, and the program begins anew; the enrolment looks at the health page alone",
			Verdict: "fail", Stage: "upgrade", Outcome: "failed", Evidence: "the file with an ordinary name that was put into it",
			changes: []change{{head, procfile, migrate, `release: rm -rf "$DATA_DIR"/* && ./guestbook migrate` + "\n"}}, enrolment: []swap{hasty, nobodyLooks},
		},
		{
			Name: "database-in-home", Plants: "the database lies in the home folder, which is new at each start; the enrolment looks at the health page alone",
			Verdict: "fail", Stage: "upgrade", Outcome: "failed", Evidence: "guestbook.db is new at each start",
			changes: []change{
				{everywhere, procfile, migrate, ""},
				{everywhere, procfile, webLine, `web: export DATA_DIR="$HOME"; ./guestbook migrate && exec ./guestbook serve` + "\n"},
			},
			enrolment: []swap{hasty, nobodyLooks, {backupSteps, ""}},
		},
		{
			Name: "upgrade-loses-a-plain-file", Plants: "the new version removes a picture that the old one kept",
			Verdict: "fail", Stage: "upgrade", Outcome: "failed", Evidence: "the file data/pictures/logo.png is gone",
			changes: []change{
				{everywhere, procfile, migrate, `release: mkdir -p "$DATA_DIR/pictures" && echo ship > "$DATA_DIR/pictures/logo.png" && ./guestbook migrate` + "\n"},
				{head, procfile, `mkdir -p "$DATA_DIR/pictures" && echo ship > "$DATA_DIR/pictures/logo.png"`, `rm -rf "$DATA_DIR/pictures"`},
			},
			enrolment: []swap{hasty},
		},
		{
			Name: "upgrade-replaces-rows-of-a-large-table", Plants: "a thousand rows in the middle of a large table go, and as many others come",
			Verdict: "fail", Stage: "upgrade", Outcome: "failed", Evidence: "1000 rows of visits are gone: id 5000, 5001",
			changes: []change{
				{everywhere, "app/migrations/001.sql", "  at TEXT NOT NULL\n);\n", "  at TEXT NOT NULL\n);\nCREATE TABLE visits (id INTEGER PRIMARY KEY, at TEXT);\n" +
					"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000) INSERT INTO visits (id) SELECT i FROM n;\n"},
				{head, "app/migrations/003.sql", guests, "DELETE FROM visits WHERE id BETWEEN 5000 AND 5999;\nINSERT INTO visits SELECT id + 20000, at FROM visits LIMIT 1000;\n" + guests},
			},
			enrolment: []swap{hasty},
		},
		{
			Name: "dump-of-nothing", Plants: "the backup hook packs what a program that failed has said: nothing",
			Verdict: "fail", Stage: "backup", Outcome: "failed", Evidence: "0 bytes unpacked",
			enrolment: []swap{
				hasty, {preHook, `  pre_hook: mkdir "$DATA_DIR/backup" && false | gzip > "$DATA_DIR/backup/guestbook.sql.gz"` + "\n"},
				{"verify: [data/backup/guestbook.db]", "verify: [data/backup/guestbook.sql.gz]"},
			},
		},
		{
			Name: "sees-no-loss", Plants: "what canaries.expect expects is there without any data",
			Verdict: "pass", Stage: "lint", Outcome: "passed", Evidence: "blind-expect",
			enrolment: []swap{hasty, {expectSteps, "  expect:\n    - request: {path: /healthz}\n"}},
		},
	}
}

// oddities are healthy guestbooks of a kind that is easily blamed.
func oddities() []Mutant {
	return []Mutant{
		{
			Name: "keys-made-anew", Plants: "the migration gives every entry another key, and loses none", Healthy: true,
			Verdict: "pass", Stage: "upgrade", Outcome: "passed", Evidence: "taken for a migration",
			changes: []change{{head, "app/migrations/003.sql", guests, "UPDATE entries SET id = id + 1000000;\n" + guests}}, enrolment: []swap{hasty},
		},
		{
			Name: "schema-of-its-own-tables", Plants: "the migration drops tables that it does not know", Healthy: true,
			Verdict: "pass", Stage: "upgrade", Outcome: "passed", Evidence: "taken for a migration",
			changes: []change{{head, "app/migrations/003.sql", guests, "DROP TABLE IF EXISTS seatrial_canary;\n" + guests}}, enrolment: []swap{hasty},
		},
		{
			Name: "uploads-named-like-dumps", Plants: "there are files of people called a.gz, notes.sql and Thumbs.db that are none of these", Healthy: true,
			Verdict: "pass", Stage: "backup", Outcome: "passed",
			changes: []change{{everywhere, procfile, migrate, `release: cd "$DATA_DIR" && echo no gzip > a.gz && echo no statement > notes.sql && : > Thumbs.db && cd - && ./guestbook migrate` + "\n"}}, enrolment: []swap{hasty},
		},
		{
			Name: "unwritable-root", Plants: "the app makes the root of its volume unwritable and keeps everything in a folder within", Healthy: true,
			Verdict: "pass", Stage: "backup", Outcome: "passed",
			changes: []change{
				{everywhere, procfile, migrate, ""},
				{everywhere, procfile, webLine, `web: mkdir -p "$DATA_DIR/real"; chmod 555 "$DATA_DIR"; export DATA_DIR="$DATA_DIR/real"; ./guestbook migrate && exec ./guestbook serve` + "\n"},
			},
			enrolment: []swap{hasty, {backupSteps, ""}},
		},
	}
}
