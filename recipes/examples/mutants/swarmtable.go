package mutants

import "strings"

func swarmUpgrades() []Mutant {
	return []Mutant{
		{
			Name: "swarm-config-without-a-version", Plants: "a config is changed, but not the version in its name", Example: bookRecipe,
			Verdict: "fail", Stage: "upgrade", Outcome: "failed", Evidence: "only updates to Labels are allowed",
			changes: []change{{head, "abra.sh", "GUESTBOOK_CONF_VERSION=v2", "GUESTBOOK_CONF_VERSION=v1"}},
		},
		{
			Name: "swarm-rolled-back", Plants: "the new version ends soon after it came up, and Swarm goes back to the old one by itself", Example: bookRecipe,
			Verdict: "fail", Stage: "upgrade", Outcome: "failed", Evidence: "rolled back",
			changes: boots(dies("6")),
		},
		{
			Name: "swarm-paused", Plants: "the new version ends soon after it came up, and Swarm pauses the update", Example: bookRecipe,
			Verdict: "fail", Stage: "upgrade", Outcome: "failed", Evidence: "paused",
			changes: append(boots(dies("6")), pull(rollback, "        failure_action: pause\n")...),
		},
		{
			Name: "swarm-upgrade-deletes-rows", Plants: "the new version's migration deletes what visitors wrote down", Example: ledgerRecipe,
			Verdict: "fail", Stage: "upgrade", Outcome: "failed", Evidence: "entries",
			changes: []change{{head, composeFile, ledgerImage, "    image: 127.0.0.1:5000/seatrial/ledger:2.0.0\n"}},
		},
		{
			Name: "swarm-state-outside-the-volumes", Plants: "the database lies in the container, beside the volume", Example: bookRecipe,
			Verdict: "fail", Stage: "upgrade", Outcome: "failed", Evidence: "both entries are there",
			changes: always("      - DOMAIN\n", "      - DOMAIN\n      - DATA_DIR=/srv\n"),
		},
		{
			Name: "swarm-volume-renamed", Plants: "the new version calls its volume another name, and begins with an empty one", Example: bookRecipe,
			Verdict: "fail", Stage: "upgrade", Outcome: "failed", Evidence: "the volume data is no longer the app's",
			changes: append(pull(bookMount, "      - store:/data\n"), append(pull("volumes:\n  data:\n", "volumes:\n  store:\n"), pull(bookPath, strings.Replace(bookPath, "volumes.data", "volumes.store", 1))...)...),
		},
		{
			Name: "swarm-no-such-image", Plants: "the image's tag is not in the registry", Example: bookRecipe,
			Verdict: "fail", Stage: "upgrade", Outcome: "failed", Evidence: "guestbook:1.9.9",
			changes: pull(bookImage, "    image: 127.0.0.1:5000/seatrial/guestbook:1.9.9\n"),
		},
		{
			Name: "swarm-no-suitable-node", Plants: "the service may run only where there is a label that no node has", Example: bookRecipe,
			Verdict: "fail", Stage: "upgrade", Outcome: "failed", Evidence: "no suitable node",
			changes: pull(bookDeploy, bookDeploy+"      placement:\n        constraints:\n          - node.labels.harbour == deep\n"),
		},
	}
}

func swarmStarts() []Mutant {
	return []Mutant{
		{
			Name: "swarm-crash-loop", Plants: "the program ends at once, and is started again and again", Example: bookRecipe,
			Verdict: "fail", Stage: "upgrade", Outcome: "failed", Evidence: "code 7",
			changes: append(boots("echo out of rope >&2; exit 7"), pull(rollback, "        failure_action: continue\n")...),
		},
		{
			Name: "swarm-crash-after-coming-up", Plants: "the program comes up healthy and ends twelve seconds later, after Swarm has looked", Example: bookRecipe,
			Verdict: "fail", Stage: "install", Outcome: "failed", Evidence: "code 1",
			changes: append(boots(dies("12")), pull(monitor, "        monitor: 1s\n")...),
		},
		{
			Name: "swarm-healthcheck-kills-slow-boot", Plants: "the first start takes half a minute, and the healthcheck gives it six seconds", Example: bookRecipe,
			Verdict: "fail", Stage: "upgrade", Outcome: "failed", Evidence: "unhealthy",
			changes: append(boots("sleep 30; exec entrypoint"), pull("      retries: 5\n      start_period: 10s\n", "      retries: 2\n      start_period: 2s\n")...),
		},
		{
			Name: "swarm-ignores-its-stop", Plants: "the start script does not end when it is asked to", Example: bookRecipe,
			Verdict: "fail", Stage: "restart", Outcome: "failed", Evidence: "did not stop within",
			changes: boots("trap '' TERM; entrypoint & while :; do sleep 1; done"),
		},
	}
}

func swarmBackups() []Mutant {
	return []Mutant{
		{
			Name: "swarm-dump-truncated", Plants: "the dump is cut off, as by a full disk, and the hook says that it worked", Example: ledgerRecipe,
			Verdict: "fail", Stage: "backup", Outcome: "failed", Evidence: "backup.sql.gz",
			changes: []change{{firstRelease, dumpScript, dumpComes, `gzip -c "$dump.plain" | head -c 300 >"$dump"` + "\n"}},
		},
		{
			Name: "swarm-dump-empty", Plants: "the dump has no bytes, and the hook says that it worked", Example: ledgerRecipe,
			Verdict: "fail", Stage: "backup", Outcome: "failed", Evidence: "0 bytes",
			changes: []change{{firstRelease, dumpScript, dumpComes, `: >"$dump"` + "\n"}},
		},
		{
			Name: "swarm-no-restore-hook", Plants: "the database is dumped, and nothing reads the dump back", Example: ledgerRecipe,
			Verdict: "fail", Stage: "backup", Outcome: "failed", Evidence: "restore hook missing",
			changes: []change{{firstRelease, postgresFile, dumpReturn, ""}},
		},
		{
			Name: "swarm-backup-labels-outside-deploy", Plants: "the backup labels are the container's, where no backup looks for them", Example: bookRecipe,
			Verdict: "fail", Stage: "lint", Outcome: "failed", Evidence: "deploy",
			changes: append(always(bookBackup, ""), always(bookDeploy, "    labels:\n"+bookBackup+bookDeploy)...),
		},
		{
			Name: "swarm-volume-not-backed-up", Plants: "the one volume with data is excluded from the backup", Example: bookRecipe,
			Verdict: "fail", Stage: "backup", Outcome: "failed", Evidence: "nothing is backed up",
			changes: always(bookPath, `        - "backupbot.backup.volumes.data=false"`+"\n"),
		},
	}
}

// swarmRefused must never be deployed.
func swarmRefused() []Mutant {
	refused := func(name, plants, evidence string, changes []change) Mutant {
		return Mutant{
			Name: "swarm-" + name, Plants: plants, Example: bookRecipe,
			Verdict: "fail", Stage: "policy", Outcome: "failed", Evidence: evidence, changes: changes,
		}
	}
	return []Mutant{
		refused("privileged", "the container asks for all that root may", "privileged", pull(bookImage, bookImage+"    privileged: true\n")),
		refused("docker-socket", "the service would command the engine", "/var/run/docker.sock", pull(bookMount, bookMount+"      - /var/run/docker.sock:/var/run/docker.sock\n")),
		refused("bind-mount", "the service would read the node's files", "/etc", pull(bookMount, bookMount+"      - /etc:/host/etc:ro\n")),
		refused("host-network", "the service would listen on the node's own addresses", "host", []change{
			{head, composeFile, "      - proxy\n", "      - proxy\n      - node\n"},
			{head, composeFile, "    external: true\n", "    external: true\n  node:\n    external: true\n    name: host\n"},
		}),
		refused("published-port", "the service takes a port of every node", "8080", pull(bookImage, bookImage+"    ports:\n      - \"8080:8080\"\n")),
	}
}

func swarmNames() []Mutant {
	return []Mutant{
		{
			Name: "swarm-alias-collision", Plants: "the app asks for db on a network where every recipe may have one", Example: ledgerRecipe,
			Verdict: "pass", Stage: "lint", Outcome: "passed", Evidence: "generic-alias",
			changes: []change{
				{head, composeFile, "DB_HOST=${STACK_NAME}_db", "DB_HOST=db"},
				{firstRelease, postgresFile, "      - internal\n", "      - internal\n      - proxy\n"},
			},
		},
		{
			Name: "swarm-secret-of-everyone", Plants: "the secret's name has no stack in it: two deployments would share it, and neither could remove it", Example: ledgerRecipe,
			Verdict: "fail", Stage: "policy", Outcome: "failed", Evidence: "ledger_db_password",
			changes: []change{{head, composeFile, "    name: ${STACK_NAME}_db_password_", "    name: ledger_db_password_"}},
		},
		{
			Name: "swarm-volume-of-everyone", Plants: "the volume has a name of its own, which no stack's removal would find", Example: bookRecipe,
			Verdict: "fail", Stage: "policy", Outcome: "failed", Evidence: "guestbook_data",
			changes: pull("volumes:\n  data:\n", "volumes:\n  data:\n    name: guestbook_data\n"),
		},
		{
			Name: "swarm-version-not-raised", Plants: "the image is another one, and the version label is the release's", Example: bookRecipe,
			Verdict: "pass", Stage: "lint", Outcome: "passed", Evidence: "version-label-not-tag",
			changes: pull("version=1.2.0+1.2.0", "version=1.1.0+1.1.0"),
		},
		{
			Name: "swarm-undefined-variable", Plants: "the compose file needs a variable that nothing defines", Example: bookRecipe,
			Verdict: "fail", Stage: "policy", Outcome: "failed", Evidence: "MAIL_HOST",
			changes: pull("      - DOMAIN\n", "      - DOMAIN\n      - MAIL_HOST=${MAIL_HOST:?is not set}\n"),
		},
	}
}
