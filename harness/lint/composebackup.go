package lint

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"seatrial/harness/run"
	"seatrial/internal/lazyregexp"
	"seatrial/recipes/compose"
)

// backupPrefix begins every label that a backup-bot reads.
const backupPrefix = "backupbot."

// backupSwitches are the labels that switch the backup on, in their forms of different
// years.
var backupSwitches = []string{"backupbot.backup", "backupbot.enable", "backupbot.backup.enable"}

// databaseImage is the last part of an image's name that holds a database.
var databaseImage = lazyregexp.New(`(?:^|[-_])(postgres(?:ql)?|postgis|pgvector|timescaledb|pgautoupgrade|mariadb|mysql|percona|mongo(?:db)?)(?:$|[-_])`)

// besideDatabase is an image that only speaks to one.
var besideDatabase = lazyregexp.New(`exporter|admin|express|backup|client|pgbouncer|proxy`)

// dataDirs are where databases keep their files while they run.
var dataDirs = map[string]string{
	"postgres": "/var/lib/postgresql", "postgresql": "/var/lib/postgresql", "postgis": "/var/lib/postgresql",
	"pgvector": "/var/lib/postgresql", "timescaledb": "/var/lib/postgresql", "pgautoupgrade": "/var/lib/postgresql",
	"mariadb": "/var/lib/mysql", "mysql": "/var/lib/mysql", "percona": "/var/lib/mysql",
	"mongo": "/data/db", "mongodb": "/data/db",
}

// imageName is the last part of an image's name, without tag and digest, and its tag.
func imageName(image string) (name, tag string, pinned bool) {
	image, _, pinned = strings.Cut(image, "@")
	name = image[strings.LastIndexByte(image, '/')+1:]
	name, tag, _ = strings.Cut(name, ":")
	return name, tag, pinned
}

// database is the kind of database that a service is; empty for none.
func (s service) database() string {
	name, _, _ := imageName(s.Service.Image)
	m := databaseImage.FindStringSubmatch(strings.ToLower(name))
	if m == nil || besideDatabase.MatchString(name) {
		return ""
	}
	return m[1]
}

// dataVolume is the volume in which a database keeps its files while it runs.
func (s service) dataVolume() (volume string, ok bool) {
	dir := dataDirs[s.database()]
	if dir == "" {
		return "", false
	}
	if own := s.Environment["PGDATA"]; own != nil && path.IsAbs(*own) && dir == dataDirs["postgres"] {
		dir = *own
	}
	for _, m := range s.Mounts {
		if in(m.Target, dir) || in(dir, m.Target) {
			return m.Volume, true
		}
	}
	return "", false
}

// in says whether a path is dir or below it.
func in(name, dir string) bool {
	name, dir = path.Clean(name), path.Clean(dir)
	return name == dir || strings.HasPrefix(name, strings.TrimSuffix(dir, "/")+"/")
}

// composeBackupRules are about the backup labels.
func composeBackupRules() []rule {
	return []rule{
		{"backup-label-outside-deploy", run.SeverityError, backupLabelOutsideDeploy},
		{"no-backup-labels", run.SeverityWarning, noBackupLabels},
		{"restore-hook-missing", run.SeverityWarning, restoreHookMissing},
		{"pgdata-backed-up-whole", run.SeverityWarning, pgdataBackedUpWhole},
		{"backup-enabled-twice", run.SeverityWarning, backupEnabledTwice},
	}
}

func backupLabelOutsideDeploy(r *recipe, say say) {
	for _, s := range r.services() {
		for _, name := range slices.Sorted(maps.Keys(s.ContainerLabels)) {
			if _, there := s.Service.Labels[name]; strings.HasPrefix(name, backupPrefix) && !there {
				r.at(say, s.path("labels", name), "%s of %s stands under labels, where no backup looks, so it has no effect: move it under deploy.labels", visible(name), s.shown())
			}
		}
	}
}

func noBackupLabels(r *recipe, say say) {
	var kept []string
	for _, s := range r.services() {
		if s.Backup != nil || hasPrefix(s.ContainerLabels, backupPrefix) {
			return // labels in the wrong place have a rule of their own
		}
		for _, m := range s.Mounts {
			if m.Volume != "" {
				kept = append(kept, m.Volume)
			}
		}
	}
	if len(kept) > 0 {
		r.at(say, []string{"volumes", kept[0]}, "%s keeps data and no service takes part in the backup: set backupbot.backup=true under deploy.labels of the service that has it", visible(kept[0]))
	}
}

func restoreHookMissing(r *recipe, say say) {
	for _, s := range r.services() {
		if b := s.Backup; s.database() != "" && b != nil && b.PreHook != "" && b.RestorePre == "" && b.RestorePost == "" {
			r.at(say, s.label("backupbot.backup.pre-hook"), "%s is dumped before the backup, and nothing loads the dump again after a restore: set backupbot.restore.post-hook", s.shown())
		}
	}
}

func pgdataBackedUpWhole(r *recipe, say say) {
	live := map[string]service{}
	for _, s := range r.services() {
		if volume, ok := s.dataVolume(); ok {
			live[volume] = s
		}
	}
	for _, s := range r.services() {
		if s.Backup == nil {
			continue
		}
		for _, v := range s.Backup.Volumes {
			whole := len(v.Paths) == 0 || slices.ContainsFunc(v.Paths, func(p string) bool { return path.Clean("/"+p) == "/" })
			if db, ok := live[v.Volume]; ok && whole {
				r.at(say, s.label(cmp.Or(s.switchOn(), "backupbot.backup")), "the backup copies the whole volume %s while the %s in %s writes to it, and such a copy may not start: dump it in a pre-hook, and set backupbot.backup.volumes.%s.path to the dump", visible(v.Volume), db.database(), db.shown(), visible(v.Volume))
			}
		}
	}
}

func backupEnabledTwice(r *recipe, say say) {
	each := r.oldBackup()
	first := map[string]leaf{}
	for _, l := range r.deployed() {
		if !l.below("services", "*", "deploy", "labels") && !l.below("services", "*", "labels") || !slices.Contains(backupSwitches, l.path[len(l.path)-1]) {
			continue
		}
		whose := ""
		if each {
			whose = l.path[1]
		}
		f, twice := first[whose]
		if !twice {
			first[whose] = l
			continue
		}
		say(l.file, l.line, "%s is set here for %s, and for %s in line %d of %s already: a backup is switched on once for the whole recipe. Keep one of the two", visible(l.path[len(l.path)-1]), visible(l.path[1]), visible(f.path[1]), f.line, visible(f.file))
	}
}

// oldBackup says whether the labels are of the kind of which each service has its own.
func (r *recipe) oldBackup() bool {
	return slices.ContainsFunc(r.Recipe.Services, func(s compose.Service) bool { return s.Labels["backupbot.backup.path"] != "" })
}

func hasPrefix(labels map[string]string, prefix string) bool {
	for name := range labels {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// switchOn is the label with which the service takes part in the backup.
func (s service) switchOn() string {
	for _, name := range backupSwitches {
		if _, ok := s.Service.Labels[name]; ok {
			return name
		}
	}
	return ""
}
