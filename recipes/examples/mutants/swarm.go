package mutants

import "strings"

// The Co-op Cloud recipes that are changed, and their versions.
const (
	bookRecipe   = "guestbook-swarm"
	ledgerRecipe = "ledger"

	composeFile  = "compose.yml"
	postgresFile = "compose.postgres.yml"
	dumpScript   = "pg_backup.sh.tmpl"

	firstRelease = "1.0.0+1.0.0" // of both
)

// Lines of the recipes that are changed.
const (
	bookImage   = "    image: 127.0.0.1:5000/seatrial/guestbook:1.2.0\n"
	ledgerImage = "    image: 127.0.0.1:5000/seatrial/ledger:1.1.0\n"
	rollback    = "        failure_action: rollback\n"
	monitor     = "        monitor: 8s\n"
	bookMount   = "      - data:/data\n"
	bookDeploy  = "    deploy:\n"
	bookPath    = `        - "backupbot.backup.volumes.data.path=backup/guestbook.db"` + "\n"
	bookBackup  = `        - "backupbot.backup=true"
        - "backupbot.backup.pre-hook=guestbook backup /data/backup/guestbook.db"
        - "backupbot.backup.post-hook=rm -r /data/backup"
` + bookPath + `        - "backupbot.restore.post-hook=guestbook load /data/backup/guestbook.db && rm -r /data/backup"
`
	dumpComes  = `gzip -c "$dump.plain" >"$dump"` + "\n"
	dumpReturn = `        - "backupbot.restore.post-hook=/pg_backup.sh restore"` + "\n"
)

// Swarm lists the mutants of Co-op Cloud recipes. Their images are those of the examples.
func Swarm() []Mutant {
	var all []Mutant
	for _, group := range [][]Mutant{swarmUpgrades(), swarmStarts(), swarmBackups(), swarmRefused(), swarmNames()} {
		all = append(all, group...)
	}
	return all
}

// pull is a change of the guestbook's pull request alone.
func pull(old, text string) []change { return []change{{head, composeFile, old, text}} }

// always is a change of the guestbook's compose file in all its versions: each brings it
// whole.
func always(old, text string) []change {
	return []change{{firstRelease, composeFile, old, text}, {"1.1.0+1.1.0", composeFile, old, text}, {head, composeFile, old, text}}
}

// boots has the pull request's guestbook start by a shell's script. The compose file's
// own dollars are doubled.
func boots(script string) []change {
	return pull(bookImage, bookImage+"    entrypoint:\n      - sh\n      - -c\n      - "+quoted(strings.ReplaceAll(script, "$", "$$"))+"\n")
}

func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// dies is a guestbook that comes up and ends after so many seconds.
func dies(seconds string) string { return "entrypoint & sleep " + seconds + "; kill $!; wait; exit 1" }
