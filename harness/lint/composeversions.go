package lint

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"seatrial/harness/run"
	"seatrial/recipes/compose"
)

// composeVersionRules are about what release this is, and what changed since the last.
func composeVersionRules() []rule {
	return []rule{
		{"image-latest", run.SeverityWarning, imageLatest},
		{"version-label-missing", run.SeverityWarning, versionLabelMissing},
		{"version-label-malformed", run.SeverityWarning, versionLabelMalformed},
		{"version-label-not-tag", run.SeverityWarning, versionLabelNotTag},
		{"config-changed-version-not", run.SeverityError, configChangedVersionNot},
	}
}

func imageLatest(r *recipe, say say) {
	for _, s := range r.services() {
		_, tag, pinned := imageName(s.Service.Image)
		if s.Service.Image != "" && !pinned && (tag == "" || tag == "latest") {
			r.at(say, s.path("image"), "%s runs %s, which may be another image tomorrow: name a version", s.shown(), visible(s.Service.Image))
		}
	}
}

func versionLabelMissing(r *recipe, say say) {
	if r.Recipe.Version == "" {
		r.at(say, r.versionLabel(), "no label says which release this is, so abra cannot tell what is deployed: write - coop-cloud.${STACK_NAME}.version=1.0.0+2.3.4 under deploy.labels, with an equals sign, for variables are not put into keys")
	}
}

func versionLabelMalformed(r *recipe, say say) {
	if v := r.Recipe.Version; v != "" && !labelled(v) {
		r.at(say, r.versionLabel(), "the version %s is not the recipe's own and the app's, joined by a plus: write one like 1.0.0+2.3.4", visible(v))
	}
}

func versionLabelNotTag(r *recipe, say say) {
	label := r.Recipe.Version
	switch {
	case label == "":
	case r.Version != "" && r.Version != label:
		r.at(say, r.versionLabel(), "the label says %s, and these files were published as %s: abra takes the two for different releases. Publish them under the label's version", visible(label), visible(r.Version))
	case r.Version == "" && r.Previous != nil && label == r.Previous.Version && r.changed():
		r.at(say, r.versionLabel(), "the label says %s as the published release does, and what is deployed has changed: raise it", visible(label))
	}
}

func configChangedVersionNot(r *recipe, say say) {
	if r.Previous == nil || r.PreviousFS == nil {
		return
	}
	for _, c := range r.Recipe.Configs {
		i := slices.IndexFunc(r.Previous.Configs, func(p compose.Config) bool { return p.Full == c.Full && p.File != "" })
		if i < 0 || c.External || c.File == "" || same(r.FS, c.File, r.PreviousFS, r.Previous.Configs[i].File) {
			continue
		}
		r.at(say, []string{"configs", c.Name}, "%s differs from the published release, and the config is still called %s: swarm refuses to change a config. Raise its version in abra.sh", visible(c.File), r.unstacked(c.Full))
	}
}

// versionLabel is the path of the label with the version.
func (r *recipe) versionLabel() []string {
	name := "coop-cloud." + r.Recipe.Stack + ".version"
	for _, s := range r.Recipe.Services {
		if _, ok := s.Labels[name]; ok {
			return []string{"services", s.Name, "deploy", "labels", name}
		}
	}
	return r.mainLabel(name)
}

// labelled says whether a version has the form of a Co-op Cloud release.
func labelled(version string) bool {
	own, upstream, ok := strings.Cut(version, "+")
	return ok && upstream != "" && versionIn(version) == "v"+version && versionIn(own) == "v"+own
}

// changed says whether something that is deployed differs from the published release:
// what the services are, or what is in a config.
func (r *recipe) changed() bool {
	if r.Previous.Config == nil {
		return false
	}
	if !bytes.Equal(servicesText(r.Recipe), servicesText(r.Previous)) {
		return true
	}
	return r.PreviousFS != nil && slices.ContainsFunc(r.Recipe.Configs, func(c compose.Config) bool {
		i := slices.IndexFunc(r.Previous.Configs, func(p compose.Config) bool { return p.Name == c.Name })
		return i >= 0 && c.File != "" && r.Previous.Configs[i].File != "" && !same(r.FS, c.File, r.PreviousFS, r.Previous.Configs[i].File)
	})
}

// servicesText is the services as they are deployed, but for the folder that they were
// read from.
func servicesText(r *compose.Recipe) []byte {
	services := slices.Clone(r.Config.Services)
	for i := range services {
		services[i].EnvFile = nil // its content is in the environment
	}
	text, err := json.Marshal(services)
	if err != nil {
		return nil
	}
	return text
}

// same says whether two files hold the same. Where one cannot be read, nobody knows,
// and lint is shy.
func same(a fs.FS, nameA string, b fs.FS, nameB string) bool {
	textA, okA := whole(a, nameA)
	textB, okB := whole(b, nameB)
	return !okA || !okB || bytes.Equal(textA, textB)
}

// mostConfig is above what swarm takes as a config, 1000 KiB.
const mostConfig = 1 << 20

func whole(files fs.FS, name string) ([]byte, bool) {
	name = path.Clean(name)
	if info, err := fs.Stat(files, name); err != nil || !info.Mode().IsRegular() || info.Size() > mostConfig {
		return nil, false
	}
	f, err := files.Open(name)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, mostConfig+1))
	return text, err == nil && len(text) <= mostConfig
}
