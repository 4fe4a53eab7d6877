package stage

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"seatrial/harness/app"
	"seatrial/harness/canary"
	"seatrial/recipes"
)

const (
	goodDump = "--\n-- PostgreSQL database dump\n--\n\n\\restrict x\n\nCREATE TABLE t ();\n\n--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict x\n\n"
	cutDump  = "--\n-- PostgreSQL database dump\n--\n\nCREATE TABLE t ();\nCOPY t FROM stdin;\n1\n"
)

// served is a database of a service, with its data below a volume's root.
var served = app.Database{Engine: "postgres", Name: "db/app", Volume: "data", Path: "/volumes/data/pg", Service: "db"}

// dumping is the usual declaration: a dump, which alone is copied, and a hook that loads it.
func dumping() *app.Backup {
	return &app.Backup{Services: []app.BackupService{{
		Service: "db", PreHook: "dump", PostHook: "undump", RestorePre: "empty", RestorePost: "load",
		Volumes: []app.BackupVolume{{Volume: "data", Paths: []string{"dump.sql"}, Label: "backupbot.backup.volumes.data.path"}},
	}}}
}

// dumpsInto makes the hooks of dumping do what they say.
func dumpsInto(s *story, content string) {
	s.app.declared = dumping()
	s.app.databases = []app.Database{served}
	s.app.on["plant"] = func(context.Context) error { s.app.volumes["data"]["loaded"] = "rows"; return nil }
	s.app.on["exec dump in db"] = func(context.Context) error { s.app.volumes["data"]["dump.sql"] = content; return nil }
	s.app.on["exec undump in db"] = func(context.Context) error { delete(s.app.volumes["data"], "dump.sql"); return nil }
	s.app.on["exec load in db"] = func(context.Context) error {
		if s.app.volumes["data"]["dump.sql"] == content {
			s.app.volumes["data"]["loaded"] = "rows"
		}
		return nil
	}
}

func TestWhatADeclaredBackupCovers(t *testing.T) {
	b := &backup{exclude: exclusion{"whole/cache"}, declared: &declaration{
		mounts: map[string]string{"whole": "/w", "part": "/p", "none": "/n", "own": "/o"},
		services: []app.BackupService{
			{Service: "web", Volumes: []app.BackupVolume{{Volume: "whole"}, {Volume: "part", Paths: []string{"/a/b/", "c.txt"}}}},
			{Service: "dumper", PreHook: "dump", Volumes: []app.BackupVolume{{Volume: "own", Paths: []string{"dump.sql"}}}},
		},
	}}
	server := func(service, volume, folder string) *app.Database {
		return &app.Database{Engine: "postgres", Name: service + "/x", Service: service, Volume: volume, Path: folder}
	}
	for _, c := range []struct {
		place canary.Place
		want  bool
	}{
		{canary.Place{Volume: "whole", Path: "any/file"}, true},
		{canary.Place{Volume: "whole", Path: "cache/file"}, false},
		{canary.Place{Volume: "part", Path: "a/b/file"}, true},
		{canary.Place{Volume: "part", Path: "a/b"}, true},
		{canary.Place{Volume: "part", Path: "c.txt"}, true},
		{canary.Place{Volume: "part", Path: "a/bc"}, false},
		{canary.Place{Volume: "part", Path: canary.FileName}, false},
		{canary.Place{Volume: "none", Path: "file"}, false},
		{canary.Place{Volume: "part", Path: "a/b/x.db", Database: &app.Database{Engine: "sqlite", Name: "part/a/b/x.db", Volume: "part"}}, true},
		{canary.Place{Volume: "part", Path: "x.db", Database: &app.Database{Engine: "sqlite", Name: "part/x.db", Volume: "part"}}, false},
		{canary.Place{Volume: "whole", Database: server("db", "whole", "/w")}, true},
		{canary.Place{Volume: "whole", Database: server("db", "whole", "/w/pg")}, true},
		{canary.Place{Volume: "whole", Database: server("db", "whole", "/w/cache")}, false},
		{canary.Place{Volume: "part", Database: server("db", "part", "/p/a/b")}, true},
		{canary.Place{Volume: "part", Database: server("web", "part", "/p")}, false}, // nothing dumps it
		{canary.Place{Volume: "own", Database: server("dumper", "own", "/o/pg")}, true},
		{canary.Place{Volume: "none", Database: server("dumper", "none", "/n")}, true},
		{canary.Place{Volume: "none", Database: server("db", "none", "/n")}, false},
	} {
		if got := b.covers(c.place); got != c.want {
			t.Errorf("%s at %+v: covered %v", c.place, c.place, got)
		}
	}
}

func TestDeclaredBackups(t *testing.T) {
	const (
		noBackup  = "policy:passed lint:passed upgrade:passed restart:passed backup:failed install:passed restore:blocked checks:passed"
		noRestore = "policy:passed lint:passed upgrade:passed restart:passed backup:passed install:passed restore:failed checks:passed"
	)
	var packed bytes.Buffer
	packer, err := zstd.NewWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := packer.Write([]byte(goodDump)); err != nil {
		t.Fatal(err)
	}
	if err := packer.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []tale{
		{
			name: "whole volumes", given: func(s *story) {
				s.app.declared = &app.Backup{Services: []app.BackupService{{Service: "app", Volumes: []app.BackupVolume{{Volume: "data"}}}}}
			},
			outcomes: allPassed, silent: []string{"Not backed up"}, deeds: "declared,freeze,export data,thaw,destroy,deploy head,stop,import data,start,look",
		},
		{
			name: "a dump alone is copied, and loaded again", given: func(s *story) { dumpsInto(s, goodDump) },
			outcomes: allPassed,
			deeds:    "declared,exec dump in db,freeze,export data,thaw,exec undump in db,destroy,deploy head,exec empty in db,stop,merge data,start,exec load in db,look",
			never:    []string{"import data"},
			tells:    []string{"Not backed up: the volume data but for dump.sql"}, silent: []string{"db/app", ".seatrial"},
		},
		{
			name: "the enrolment's own hooks run around them", given: func(s *story) {
				dumpsInto(s, goodDump)
				s.enrolment.Backup = recipes.Backup{PreHook: shell("pre"), PostHook: shell("post")}
				s.enrolment.Restore = recipes.Restore{PreHook: shell("back"), PostHook: shell("up")}
			},
			outcomes: allPassed,
			deeds:    "exec pre,exec dump in db,freeze,thaw,exec undump in db,exec post,exec empty in db,stop,merge data,exec back,start,exec load in db,exec up,look",
		},
		{
			name: "a restore hook that loads nothing", given: func(s *story) {
				dumpsInto(s, goodDump)
				s.app.on["exec load in db"] = nil
			},
			outcomes: noRestore, tells: []string{"after the restore: files are gone", "db/app"},
		},
		{
			name: "a restore hook that fails", given: func(s *story) {
				dumpsInto(s, goodDump)
				s.app.on["exec load in db"] = func(context.Context) error { return exitCode(2) }
			},
			outcomes: noRestore, tells: []string{"the restore post-hook of db exited with code 2", "$ load", "disk quota exceeded"},
		},
		{
			name: "a restore hook on the fresh install that fails", given: func(s *story) {
				dumpsInto(s, goodDump)
				s.app.on["exec empty in db"] = func(context.Context) error { return exitCode(1) }
			},
			outcomes: noRestore, tells: []string{"the restore pre-hook of db exited with code 1"}, never: []string{"merge data"},
		},
		{
			name: "a hook that fails is undone, and nothing is copied", given: func(s *story) {
				dumpsInto(s, goodDump)
				s.app.on["exec dump in db"] = func(context.Context) error { return exitCode(3) }
			},
			outcomes: noBackup, deeds: "exec dump in db,exec undump in db", never: []string{"freeze", "export data"},
			tells: []string{"the backup pre-hook of db exited with code 3", "$ dump", "disk quota exceeded"},
		},
		{
			name: "a dump that nothing loads", given: func(s *story) {
				dumpsInto(s, goodDump)
				s.app.declared.Services[0].RestorePre, s.app.declared.Services[0].RestorePost = "", ""
			},
			outcomes: noBackup, tells: []string{"restore hook missing: db: db/app is dumped before a backup, and nothing loads the dump"},
		},
		{
			name: "no hook is missing where the folder itself is copied", given: func(s *story) {
				dumpsInto(s, goodDump)
				s.app.declared.Services[0] = app.BackupService{Service: "db", PreHook: "dump", Volumes: []app.BackupVolume{{Volume: "data"}}}
			},
			outcomes: allPassed, silent: []string{"Not backed up"},
		},
		{
			name: "a dump that is cut short", given: func(s *story) { dumpsInto(s, cutDump) },
			outcomes: noBackup, tells: []string{"the backup holds a dump that is not complete: data/dump.sql", `it begins with "-- PostgreSQL database dump", and "-- PostgreSQL database dump complete" is not among its last lines`},
		},
		{
			name: "a dump without a byte", given: func(s *story) { dumpsInto(s, "") },
			outcomes: noBackup, tells: []string{"declared but not in the backup: backupbot.backup.volumes.data.path of db: data/dump.sql: 0 bytes"},
		},
		{
			name: "a dump that is not where it is declared", given: func(s *story) {
				dumpsInto(s, goodDump)
				s.app.declared.Services[0].Volumes[0].Paths = []string{"/backups/dump.sql"}
			},
			outcomes: noBackup, tells: []string{"declared but not in the backup: backupbot.backup.volumes.data.path of db: data/backups/dump.sql: it is not in the volume"},
		},
		{
			name: "a volume that is not there", given: func(s *story) {
				s.app.declared = &app.Backup{Services: []app.BackupService{{Service: "app", Volumes: []app.BackupVolume{{Volume: "data"}, {Volume: "media"}}}}}
			},
			outcomes: noBackup, tells: []string{"declared but not in the backup: the service app: there is no volume media"},
		},
		{
			name: "no declaration", given: func(s *story) { s.app.declared = &app.Backup{} },
			outcomes: noBackup, tells: []string{"nothing is backed up: the recipe declares no backup", "volumes of the app: data"}, never: []string{"freeze"},
		},
		{
			name: "no declaration, and none is wanted", given: func(s *story) {
				s.app.declared = &app.Backup{}
				s.enrolment.ExpectNA = map[string]string{"backup": "it keeps nothing"}
			},
			outcomes: "policy:passed lint:passed upgrade:passed restart:passed backup:skipped install:passed restore:skipped checks:passed",
		},
		{
			name: "a declaration of no volume", given: func(s *story) {
				s.app.declared = &app.Backup{Services: []app.BackupService{{Service: "app", PreHook: "dump"}}}
			},
			outcomes: noBackup, tells: []string{"the recipe declares a backup without any volume"},
		},
		{
			name: "a declaration that cannot be followed", given: func(s *story) {
				s.app.declared = &app.Backup{}
				s.app.on["declared"] = fault("the label backupbot.backup.volumes.data.path is empty")
			},
			outcomes: noBackup, tells: []string{"the label backupbot.backup.volumes.data.path is empty"},
		},
		{
			name: "what is not declared is not expected back", given: func(s *story) {
				s.app.declared = &app.Backup{Services: []app.BackupService{
					{Service: "app", Volumes: []app.BackupVolume{{Volume: "data", Paths: []string{"uploads/"}}}},
				}}
				s.app.on["plant"] = func(context.Context) error {
					s.app.volumes["cache"] = map[string]string{"page.html": "x"}
					s.app.volumes["data"]["uploads/a.png"] = "x"
					s.app.volumes["data"]["uploads2/b.png"] = "x"
					return nil
				}
			},
			outcomes: allPassed, never: []string{"export cache", "import cache"},
			tells: []string{"Not backed up: the volume cache", "data/uploads2/b.png"}, silent: []string{"uploads/a.png"},
		},
		{
			name: "a folder that is declared and lost", given: func(s *story) {
				s.app.declared = &app.Backup{Services: []app.BackupService{{Service: "app", Volumes: []app.BackupVolume{{Volume: "data", Paths: []string{"uploads"}}}}}}
				s.app.on["plant"] = func(context.Context) error { s.app.volumes["data"]["uploads/a.png"] = "x"; return nil }
				s.app.on["merge data"] = func(context.Context) error { delete(s.app.volumes["data"], "uploads/a.png"); return nil }
			},
			outcomes: noRestore, tells: []string{"files are gone", "data/uploads/a.png"},
		},
		{
			name: "a folder that is emptied at the start", given: func(s *story) {
				s.app.declared = &app.Backup{Services: []app.BackupService{{Service: "app", Volumes: []app.BackupVolume{{Volume: "data", Paths: []string{"uploads"}}}}}}
				// Nobody knows of these files but the backup.
				s.app.on["freeze"] = func(context.Context) error { s.app.volumes["data"]["uploads/a.png"] = "x"; return nil }
				s.app.on["start"] = nth(2, func(context.Context) error {
					for name := range s.app.volumes["data"] {
						if strings.HasPrefix(name, "uploads/") {
							delete(s.app.volumes["data"], name)
						}
					}
					return nil
				})
			},
			outcomes: noRestore, tells: []string{"after the restore: data is lost: the folder data/uploads no longer holds the file that the backup had in it"},
		},
		{
			name: "a hook may remove the folder of its dump", given: func(s *story) {
				dumpsInto(s, goodDump)
				s.app.declared.Services[0].Volumes[0].Paths = []string{"dumps"}
				s.app.on["exec dump in db"] = func(context.Context) error { s.app.volumes["data"]["dumps/1.sql"] = goodDump; return nil }
				s.app.on["exec load in db"] = func(context.Context) error {
					if s.app.volumes["data"]["dumps/1.sql"] == "" || s.app.volumes["data"]["dumps/"+canary.FileName] == "" {
						t.Error("there is no dump to load")
					}
					delete(s.app.volumes["data"], "dumps/1.sql")
					delete(s.app.volumes["data"], "dumps/"+canary.FileName)
					s.app.volumes["data"]["loaded"] = "rows"
					return nil
				}
			},
			outcomes: allPassed,
		},
		{
			name: "a dump in an archive that was packed", given: func(s *story) {
				dumpsInto(s, packed.String())
				s.app.declared.Services[0].Volumes[0].Paths = []string{"dump.sql.zst"}
				s.app.on["exec dump in db"] = func(context.Context) error {
					s.app.volumes["data"]["dump.sql.zst"] = packed.String()[:packed.Len()-3]
					return nil
				}
			},
			outcomes: noBackup, tells: []string{"the backup holds a compressed file that is not whole: data/dump.sql.zst"},
		},
	} {
		c.play(t)
	}
}
