package git

import (
	"context"
	"fmt"
	"strconv"
)

// Log fetches the latest commits that lead to a reference, without their files, into an
// empty folder that the caller removes. It returns what git log says of the first n, in a
// format of git's.
func (g *Git) Log(ctx context.Context, address, ref, dir, format string, n int) (string, error) {
	if _, err := checkAddress(address); err != nil {
		return "", err
	}
	if err := g.checkRef(ctx, ref); err != nil {
		return "", err
	}
	if _, err := g.ask(ctx, "init", "--quiet", "--bare", "--template=", "--end-of-options", dir); err != nil {
		return "", err
	}
	r := &Repo{git: g, dir: dir}
	most := strconv.Itoa(n)
	err := r.bounded(ctx, address, []string{
		"--git-dir=" + dir, "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--filter=tree:0", "--depth=" + most,
		"--end-of-options", address, "+" + ref + ":refs/heads/tip",
	})
	if err != nil {
		return "", fmt.Errorf("%w%s", err, advice(err))
	}
	return r.ask(ctx, "log", "-n", most, "--format="+format, "refs/heads/tip")
}
