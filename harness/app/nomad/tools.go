package nomad

import (
	"os"
	"path"
	"strings"

	"seatrial/harness/app/inside"
)

// fill copies a release's files into a volume. Links stay links.
func fill(dir, release string) error {
	_, err := inside.Copy(release, dir, nil)
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	return err
}

// below is a path within a folder, as seen from there; ok is false for one outside.
func below(dir, name string) (string, bool) {
	rest, ok := strings.CutPrefix(path.Clean(name), strings.TrimSuffix(path.Clean(dir), "/")+"/")
	return rest, ok && rest != ""
}
