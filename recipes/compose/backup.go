package compose

import (
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	backupEnable  = "backupbot.backup"
	backupPath    = "backupbot.backup.path" // the old form
	backupVolumes = "backupbot.backup.volumes."
)

// backups reads the labels backupbot.* below deploy. In today's form one label
// enables the whole stack, and every mounted volume is covered but for what the labels
// of any service leave out. In the old form each service names its own paths.
func (r *reader) backups(m *Recipe) {
	enabled := slices.ContainsFunc(m.Services, isEnabled)
	if !enabled {
		return
	}
	old := slices.ContainsFunc(m.Services, func(s Service) bool { return s.Labels[backupPath] != "" })
	covered := map[string]bool{}
	for i := range order(m.Services) {
		s := &m.Services[i]
		if old && !isEnabled(*s) {
			continue
		}
		b := &Backup{
			PreHook: s.Labels["backupbot.backup.pre-hook"], PostHook: s.Labels["backupbot.backup.post-hook"],
			RestorePre: s.Labels["backupbot.restore.pre-hook"], RestorePost: s.Labels["backupbot.restore.post-hook"],
		}
		if paths := s.Labels[backupPath]; paths != "" {
			r.oldPaths(s, b, paths)
		} else {
			for _, mount := range s.Mounts {
				if covered[mount.Volume] {
					continue
				}
				covered[mount.Volume] = true
				if v, ok := r.backupVolume(m, mount.Volume); ok {
					b.Volumes = append(b.Volumes, v)
				}
			}
		}
		slices.SortFunc(b.Volumes, func(a, b BackupVolume) int { return strings.Compare(a.Volume, b.Volume) })
		if len(b.Volumes)+len(b.Outside) > 0 || b.PreHook+b.PostHook+b.RestorePre+b.RestorePost != "" {
			s.Backup = b
		}
	}
}

func isEnabled(s Service) bool {
	on, err := strconv.ParseBool(s.Labels[backupEnable])
	return err == nil && on
}

// order yields the numbers of the enabled services first: a volume that several mount
// is theirs.
func order(services []Service) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for _, first := range []bool{true, false} {
			for i, s := range services {
				if isEnabled(s) == first && !yield(i) {
					return
				}
			}
		}
	}
}

// backupVolume is what the labels of any service say about a volume.
func (r *reader) backupVolume(m *Recipe, volume string) (v BackupVolume, covered bool) {
	v.Volume = volume
	all := false // a path that is the volume itself
	for _, s := range m.Services {
		key := backupVolumes + volume
		if on, err := strconv.ParseBool(s.Labels[key]); err == nil && !on {
			return v, false
		}
		for _, p := range list(s.Labels[key+".path"]) {
			clean := path.Clean(strings.TrimLeft(p, "/"))
			if !filepath.IsLocal(filepath.FromSlash(clean)) || outside(clean) != "" {
				r.sayOf([]string{"services", s.Name, "deploy", "labels", key + ".path"}, "%s is not a path inside the volume %s", shortened(p), volume)
				continue
			}
			all = all || clean == "."
			if !slices.Contains(v.Paths, clean) {
				v.Paths = append(v.Paths, clean)
			}
		}
	}
	if all {
		v.Paths = nil
	}
	return v, true
}

func list(said string) (parts []string) {
	for _, p := range strings.Split(said, ",") {
		if p = strings.TrimSpace(p); p != "" {
			parts = append(parts, p)
		}
	}
	return parts
}

// oldPaths maps absolute paths in the container to volumes and paths inside them.
func (r *reader) oldPaths(s *Service, b *Backup, said string) {
	for _, p := range list(said) {
		if !path.IsAbs(p) || outside(strings.TrimLeft(path.Clean(p), "/")+"/.") != "" {
			r.sayOf([]string{"services", s.Name, "deploy", "labels", backupPath}, "%s is not an absolute path in the container", shortened(p))
			continue
		}
		p = path.Clean(p)
		best, found := Mount{}, false
		for _, mount := range s.Mounts {
			if _, in := inside(mount.Target, p); in && len(mount.Target) >= len(best.Target) {
				best, found = mount, true
			}
		}
		if found {
			rel, _ := inside(best.Target, p)
			b.cover(best.Volume, rel)
			continue
		}
		b.Outside = append(b.Outside, p)
		for _, mount := range s.Mounts {
			if _, in := inside(p, mount.Target); in {
				b.cover(mount.Volume, "")
			}
		}
	}
}

// inside is a path relative to a folder that it lies in.
func inside(folder, p string) (rel string, ok bool) {
	folder = path.Clean(folder)
	if p = path.Clean(p); p == folder {
		return "", true
	}
	return strings.CutPrefix(p, strings.TrimSuffix(folder, "/")+"/")
}

// cover adds a path of a volume; the whole volume swallows its paths.
func (b *Backup) cover(volume, rel string) {
	i := slices.IndexFunc(b.Volumes, func(v BackupVolume) bool { return v.Volume == volume })
	switch {
	case i < 0 && rel == "":
		b.Volumes = append(b.Volumes, BackupVolume{Volume: volume})
	case i < 0:
		b.Volumes = append(b.Volumes, BackupVolume{Volume: volume, Paths: []string{rel}})
	case rel == "":
		b.Volumes[i].Paths = nil
	case len(b.Volumes[i].Paths) > 0 && !slices.Contains(b.Volumes[i].Paths, rel):
		b.Volumes[i].Paths = append(b.Volumes[i].Paths, rel)
	}
}
