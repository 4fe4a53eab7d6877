package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// WorkTree copies a folder's files as they lie there, committed or not, but not
// what git is told to ignore, and returns the hash of the tree that they would be.
// A folder that is not a repository is copied whole. Links stay links; sockets, pipes
// and devices are left out.
func (g *Git) WorkTree(ctx context.Context, dir, into string) (tree string, err error) {
	fail := func(err error) (string, error) {
		return "", fmt.Errorf("cannot copy the files of %s: %w", dir, err)
	}
	names, err := g.listWorkTree(ctx, dir)
	if err != nil {
		return fail(err)
	}
	if err := os.MkdirAll(into, 0o755); err != nil {
		return fail(err)
	}
	if err := g.copyAll(ctx, dir, into, names); err != nil {
		return fail(err)
	}
	if tree, err = g.hashFolder(ctx, into); err != nil {
		return fail(err)
	}
	return tree, nil
}

func (g *Git) listWorkTree(ctx context.Context, dir string) ([]string, error) {
	if _, err := g.Open(ctx, dir); errors.Is(err, ErrNoRepository) {
		return listFolder(dir)
	} else if err != nil {
		return nil, err
	}
	out, err := g.ask(ctx, "-C", dir, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
	if err != nil {
		return nil, err
	}
	names := strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
	slices.Sort(names)
	return slices.Compact(names), nil
}

func listFolder(dir string) ([]string, error) {
	var names []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.EqualFold(d.Name(), ".git"):
			return fs.SkipDir
		case len(names) > mostFiles:
			return fmt.Errorf("there are more than %d files", mostFiles)
		case !d.IsDir():
			names = append(names, name)
		}
		return nil
	})
	return names, err
}

func (g *Git) copyAll(ctx context.Context, dir, into string, names []string) (err error) {
	from, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := os.OpenRoot(into)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	left := g.maxBytes()
	for _, name := range names {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if name == "" || checkPath(name) != nil {
			continue // a nested repository's own place, or a folder that git lists as one
		}
		info, err := from.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted, and not committed so yet
		}
		if err != nil {
			return err
		}
		if left -= info.Size(); left < 0 {
			return fmt.Errorf("there are more than %d MiB of files", g.maxBytes()>>20)
		}
		if err := copyOne(from, to, name, info); err != nil {
			return err
		}
	}
	return nil
}

func copyOne(from, to *os.Root, name string, info fs.FileInfo) (err error) {
	kind := info.Mode().Type()
	if kind != 0 && kind != fs.ModeSymlink {
		return nil
	}
	if err := to.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	if kind == fs.ModeSymlink {
		target, err := from.Readlink(name)
		if err != nil {
			return err
		}
		return to.Symlink(target, name)
	}
	f, err := from.Open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	mode := os.FileMode(0o644)
	if info.Mode()&0o100 != 0 {
		mode = 0o755
	}
	return writeFile(to, name, mode, f, -1)
}

// hashFolder computes the tree's hash in a repository beside it that is thrown away,
// in which nothing but bytes and modes counts.
func (g *Git) hashFolder(ctx context.Context, dir string) (tree string, err error) {
	scratch, err := os.MkdirTemp(filepath.Dir(dir), "tree-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	if _, err := g.ask(ctx, "init", "--quiet", "--bare", "--template=", "--end-of-options", scratch); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Join(scratch, "info"), 0o700); err != nil {
		return "", err
	}
	const nothing = "* -text -filter -ident -working-tree-encoding\n"
	if err := os.WriteFile(filepath.Join(scratch, "info", "attributes"), []byte(nothing), 0o600); err != nil {
		return "", err
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	where := []string{"-C", abs, "--git-dir=" + scratch, "--work-tree=" + abs}
	if _, err := g.ask(ctx, append(where, "-c", "core.bare=false", "add", "--all", "--force", "--", ".")...); err != nil {
		return "", err
	}
	out, err := g.ask(ctx, append(where, "write-tree")...)
	return strings.TrimSpace(out), err
}
